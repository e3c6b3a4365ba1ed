// What a rebuild's job runs on the VM: two commands of compose, one after the other; values come as arguments, never as script text.

/** Arguments: `-L` or `-P`, a folder, and a command that is run in it. */
export const inFolderScript = `cd "$1" -- "$2" || exit
shift 2
exec "$@"
`;

/**
 * Arguments: `-L` or `-P`, a folder, the service, how many containers it keeps (empty: as its file says), the id of one that hangs on a network that is gone (or empty),
 * what to print where a container is replaced (lines of its id and a text), and compose with its global options.
 * Ends with the exit code of the step that failed.
 */
export const rebuildScript = `how=$1 folder=$2 service=$3 scale=$4 cut_off=$5 notes=$6
shift 6
cd "$how" -- "$folder" || exit
"$@" build "$service" || exit
if [ -n "$scale" ]; then
  "$@" up -d --scale "$service=$scale" "$service"
else
  "$@" up -d "$service"
fi || exit
[ -n "$cut_off$notes" ] || exit 0
left=" $("$@" ps -q "$service" 2>/dev/null | tr '\\n' ' ')" || exit 0
is_left() { case $left in *" $1 "*) ;; *) return 1 ;; esac; }
# Compose v1 does not see that the network of another container is gone.
if [ -n "$cut_off" ] && is_left "$cut_off"; then
  "$@" up -d --no-deps --force-recreate "$service" || exit
fi
[ -n "$notes" ] || exit 0
printf '%s\\n' "$notes" | while read -r id note; do
  is_left "$id" || printf '%s\\n' "$note"
done
`;
