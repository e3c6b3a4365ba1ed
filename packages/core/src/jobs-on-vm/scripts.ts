// What runs on the VM for jobs: POSIX shell with flock and setsid of util-linux; values come as arguments, never as script text.

/*
 * A job's folder is jobs/ID and holds `meta`, `log`, `lock`, `end` and `words.BYTES`, which is encrypted with the file `key`. It shows up once its runner holds `lock`, and the runner
 * holds that for as long as it lives. When the command has ended, `end` becomes `end.EXITCODE.SECONDS.BYTES`: a rename succeeds
 * on a full disk too, and filling disks is what builds are good at. Without that, a job whose `lock` is free is lost.
 * `pid` has the process id of the runner, which is its session's as well; once the job is to be cancelled it is called `cancel`,
 * and `end` gets `.cancelled` at its own end.
 */

/** Exit codes of the scripts, after sysexits.h. */
export const scriptExits = {
  toolsMissing: 69,
  notStarted: 70,
  noFolder: 73,
  busy: 75,
  voided: 76,
} as const;

/** What a version of `sleep` without fractions makes longer, no worse. */
const napMs = 200;

/** Where the API keeps what lives on the VM: folders of the SSH user's own, mode 0700, that nobody has put a link in place of. */
export const places = `exec 2>/dev/null
umask=$(umask)
umask 077
case $XDG_STATE_HOME in /*) folder=$XDG_STATE_HOME/ondemand ;; *) folder=$HOME/.local/state/ondemand ;; esac
is_ours() { [ -d "$1" ] && [ -O "$1" ] && [ ! -L "$1" ]; }
make_ours() { mkdir -p -m 700 -- "$1" && is_ours "$1" && chmod 700 -- "$1"; }
`;

const paths = `${places}jobs=$folder/jobs
make_places() { make_ours "$folder" && make_ours "$jobs" || exit ${scriptExits.noFolder}; }
nap() { sleep ${napMs / 1000} || sleep 1; }
`;

/** Sets `state` (none, running, lost, ended, cancelled), `code` and `finished`, and `size` where it is known. */
export const readState = `read_end() {
  for end in "$1"/end.*; do [ -e "$end" ] || return 1; done
  end=\${end##*/end.} state=ended
  case $end in *.cancelled) state=cancelled end=\${end%.cancelled} ;; esac
  code=\${end%%.*} end=\${end#*.}
  finished=\${end%%.*} size=\${end#*.}
}
read_state() {
  state=none code=- finished=- size=
  read_end "$1" && return
  # Two who read at the same time must not take each other for the runner: they lock as readers.
  { if flock -n -s 7; then state=lost; else state=running; fi; } 7<"$1/lock"
  [ -d "$1" ] || state=none
  [ $state != lost ] || read_end "$1" || [ ! -e "$1/cancel" ] || state=cancelled
}
measure() { [ -n "$size" ] || size=$(wc -c <"$1/log"); size=$((size)); }
`;

/** Arguments: job folder while hidden, job folder, umask, and the command. Its fd 3 is where the starter waits for a word, fd 8 the project's lock. */
export const runnerScript = `exec 9>>"$1/lock" && flock -n 9 && [ ! -e "$2" ] && echo $$ >"$1/pid" && mv -- "$1" "$2" || exit 1
job=$2 umask=$3
shift 3
# It has the end to write down, whatever ends the command; the command itself does not inherit this.
trap : TERM
echo started >&3
exec 3>&-
# The command must not keep the job alive once the runner is dead, so it does not get fd 9. But it does get fd 8: where the
# runner alone is killed, the build goes on, and no other one of its project may begin before it has ended.
(umask "$umask" && exec "$@") </dev/null >>"$job/log" 2>&1 9>&-
code=$?
cancelled=
[ ! -e "$job/cancel" ] || cancelled=.cancelled
mv -- "$job/end" "$job/end.$code.$(date +%s).$(wc -c <"$job/log")$cancelled"
# Explicitly: closing it would not free the lock while something that the build left running still has it.
flock -u 8
`;

/** Prints the key, and makes it where there is none. */
export const keyScript = `${paths}make_places
exec 6>>"$folder/key.lock"
flock 6
[ -s "$folder/key" ] || { head -c 32 /dev/urandom >"$folder/key.new" && mv -- "$folder/key.new" "$folder/key"; }
head -c 32 "$folder/key"
`;

/** Arguments: id, kind, target, lock, who asked for it as JSON, sealed words, how many ended jobs to keep, the runner's script, and the command. Prints `started SECONDS` or `busy ID`. */
export const startScript = `${paths}${readState}id=$1 kind=$2 target=$3 lock=$4 by=$5 words=$6 keep=$7 runner=$8
shift 8
command -v flock >/dev/null && command -v setsid >/dev/null || exit ${scriptExits.toolsMissing}
make_places
# The process that makes this folder first decides whether the job may begin: see the script that looks for a job whose start was lost.
claim=$jobs/.claim-$id
if ! mkdir -- "$claim"; then
  [ -d "$claim" ] && exit ${scriptExits.voided}
  exit ${scriptExits.noFolder}
fi
leave() { rmdir -- "$claim"; exit "$1"; }
exec 8>>"$folder/$lock.lock"
naps=0
until flock -n 8; do
  busy=
  read -r busy <"$folder/$lock.lock"
  state=none
  [ -z "$busy" ] || read_state "$jobs/$busy"
  # What is written there may be the one before it, until the holder has written its own.
  if [ $state = running ] || [ $naps -ge 15 ]; then
    printf 'busy %s\\n' "$busy"
    leave ${scriptExits.busy}
  fi
  nap
  naps=$((naps + 1))
done
printf '%s\\n' "$id" >"$folder/$lock.lock"
# Named after the lock: whatever is left of a start that was cut off is cleared away by the next holder.
new=$jobs/.new.$lock
rm -rf -- "$new"
now=$(date +%s)
mkdir -- "$new" && printf '%s\\n' "$kind" "$now" "$target" "$by" >"$new/meta" &&
  printf %s "$words" >"$new/words.\${#words}" &&
  : >"$new/log" && : >"$new/end" && : >"$new/lock" || leave ${scriptExits.noFolder}
# Ends when the runner has spoken and closed fd 3, or died.
answer=$(setsid sh -c "$runner" ondemand-job "$new" "$jobs/$id" "$umask" "$@" 3>&1 >/dev/null </dev/null &)
if [ "$answer" != started ]; then
  rm -rf -- "$new"
  leave ${scriptExits.notStarted}
fi
printf 'started %s\\n' "$now"
rmdir -- "$claim"
exec 8>&-
rm -rf -- "$jobs"/.gone-*
set -- "$jobs"/*
count=$#
for job do
  [ $count -gt "$keep" ] || break
  read_state "$job"
  [ $state != running ] && [ $state != none ] || continue
  # Hidden at once: nobody must find half of a job.
  mv -- "$job" "$jobs/.gone-\${job##*/}" && rm -rf -- "$jobs/.gone-\${job##*/}"
  count=$((count - 1))
done
set -- "$jobs"/.claim-*
while [ $# -gt "$keep" ]; do rmdir -- "$1"; shift; done
exit 0
`;

/**
 * Arguments: id. Prints `found SECONDS`, `claimed` while a start of it is under way, or `voided`: then a start that comes late will do nothing.
 * It claims before it checks, as a start releases its claim only after the job can be seen.
 */
export const findScript = `${paths}make_places
answer=claimed
mkdir -- "$jobs/.claim-$1" && answer=voided
if [ -d "$jobs/$1" ]; then
  [ $answer = claimed ] || rmdir -- "$jobs/.claim-$1"
  { read -r kind; read -r started; } <"$jobs/$1/meta"
  answer="found $started"
fi
printf '%s\\n' "$answer"
`;

/**
 * Arguments: id, and how many naps to wait after TERM and after KILL. Prints the job's state and exit code: `cancelled` also for one that was so already.
 * Whatever is in the session gets the signals, for a command's children may have process groups of their own; the runner does not.
 */
export const cancelScript = `${paths}${readState}job=$jobs/$1 grace=$2 last=$3
# Once TERM was sent KILL follows, whatever becomes of the connection.
trap '' HUP PIPE TERM
is_ours "$folder" && is_ours "$jobs" || { echo none -; exit 0; }
# Sends a signal to what is left, if one is given; fails when nothing is.
sweep() {
  signal=$1 left=
  for stat in /proc/[0-9]*/stat; do
    line= each=\${stat%/stat}
    each=\${each#/proc/}
    read -r line <"$stat" || continue
    set -- \${line##*) }
    [ "$4" = "$pid" ] && [ "$each" != "$pid" ] && [ "$1" != Z ] || continue
    left=1
    [ -z "$signal" ] || kill -s "$signal" "$each"
  done
  [ -n "$left" ]
}
read_state "$job"
if [ $state = running ]; then
  # A rename, as it needs no space.
  mv -- "$job/pid" "$job/cancel"
  read -r pid <"$job/cancel" || { echo unknown -; exit 0; }
  sweep TERM
  while [ "$grace" -gt 0 ] && sweep ''; do nap; grace=$((grace - 1)); done
  sweep KILL
  until read_end "$job" || [ "$last" -le 0 ]; do
    nap
    sweep KILL
    last=$((last - 1))
  done
  read_state "$job"
fi
printf '%s %s\n' $state "$code"
`;

/** Arguments: marker, bytes of each tail, whether sealed words are wanted, and an id or nothing for all. */
export const listScript = `${paths}${readState}mark=$1 most=$2 sealed=$3
is_ours "$folder" && is_ours "$jobs" || { printf '%s end\\n' "$mark"; exit 0; }
if [ -n "$4" ]; then set -- "$jobs/$4"; else set -- "$jobs"/*; fi
if [ -n "$sealed" ] && [ -s "$folder/key" ]; then
  printf '%s sealed 32 \\n' "$mark"
  head -c 32 "$folder/key"
fi
for job do
  read_state "$job"
  [ $state != none ] || continue
  [ -z "$sealed" ] || for words in "$job"/words.*; do
    [ -s "$words" ] || continue
    printf '%s sealed %s %s\\n' "$mark" "\${words##*.}" "\${job##*/}"
    head -c "\${words##*.}" "$words"
  done
  { read -r kind && read -r started && IFS= read -r target; } <"$job/meta" && measure "$job" || continue
  bytes=$size
  [ "$bytes" -le "$most" ] || bytes=$most
  printf '%s %s %s %s %s %s %s %s %s %s\\n' "$mark" "\${job##*/}" $state "$code" "$finished" "$started" "$kind" "$size" "$bytes" "$target"
  # What still grows must give no more than was said; of the others there are many, and this way each is one process less.
  if [ $state = ended ]; then
    [ "$bytes" -eq 0 ] || tail -c "$bytes" "$job/log"
  else
    tail -c "+$((size - bytes + 1))" "$job/log" | head -c "$bytes"
  fi
done
printf '%s end\\n' "$mark"
`;

/** Arguments: marker, how many naps to wait, the most bytes of a piece, the most pieces of a job, and pairs of id and offset, those of one job beside each other. */
export const readScript = `${paths}${readState}mark=$1 naps=$2 most=$3 pieces=$4
shift 4
turn() {
  news= last=
  pairs=$(($# / 2))
  while [ $pairs -gt 0 ]; do
    if [ "$1" != "$last" ]; then
      last=$1 size=
      if read_end "$jobs/$1" || [ ! -d "$jobs/$1" ]; then news=1; return; fi
      measure "$jobs/$1"
    fi
    if [ "$size" -gt "$2" ]; then news=1; return; fi
    shift 2
    pairs=$((pairs - 1))
  done
}
is_ours "$folder" && is_ours "$jobs" || jobs=/dev/null
turn "$@"
while [ -z "$news" ] && [ "$naps" -gt 0 ]; do
  nap
  naps=$((naps - 1))
  turn "$@"
done
job=
while [ $# -gt 0 ]; do
  if [ "$1" != "$job" ]; then
    job=$1 left=$pieces
    read_state "$jobs/$job"
    [ $state = none ] || measure "$jobs/$job"
  fi
  bytes=0
  if [ $state != none ] && [ "$size" -gt "$2" ] && [ "$left" -gt 0 ]; then
    left=$((left - 1))
    bytes=$((size - $2))
    [ $bytes -le "$most" ] || bytes=$most
  fi
  printf '%s %s %s %s %s %s %s\\n' "$mark" "$1" "$2" $state "$code" "$((size))" $bytes
  [ $bytes -eq 0 ] || tail -c "+$(($2 + 1))" "$jobs/$1/log" | head -c $bytes
  shift 2
done
printf '%s end\\n' "$mark"
`;

/** How many naps make up so long a wait. */
export function toNaps(waitMs: number): number {
  return Math.max(0, Math.round(waitMs / napMs));
}
