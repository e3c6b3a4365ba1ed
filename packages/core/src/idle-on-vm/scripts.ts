// What runs on the VM for leases and the idle stop: POSIX shell; values come as arguments, never as script text.

import { places, scriptExits } from '../jobs-on-vm/scripts.ts';

/*
 * A lease is a file leases/ID of three lines: until when it holds, since when, both in seconds of the VM's clock, and who took it
 * as JSON. A lease that is ended is given `until` the present. Of those that have ended the last alone is kept, for an hour, so that the last use is known.
 * One that was taken in the future, as the clock was set back since, is taken anew once it is read: it must not hold for as long as that, too.
 */

export const leasePlace = `${places}leases=$folder/leases
make_leases() { make_ours "$folder" && make_ours "$leases" || exit ${scriptExits.noFolder}; }
write_lease() { printf '%s\\n' "$2" "$3" "$4" >"$leases/.new-$1" && mv -- "$leases/.new-$1" "$leases/$1" || exit ${scriptExits.noFolder}; }
read_lease() {
  { read -r until && read -r since && IFS= read -r by; } <"$1" && [ "$until" -ge 0 ] && [ "$since" -ge 0 ] || return
  [ "$since" -gt "$now" ] || return 0
  until=$((until - since + now)) since=$now
  (write_lease "\${1##*/}" "$until" "$since" "$by") || :
}
`;

/** Arguments: id, seconds, how many may hold, who takes it as JSON. Prints `taken NOW SINCE UNTIL`; one that is there already is renewed. */
export const takeLeaseScript = `${leasePlace}id=$1 seconds=$2 most=$3 who=$4
make_leases
now=$(date +%s)
others=0 began=$now last= ended=-1
set --
for lease in "$leases"/*; do
  [ -e "$lease" ] || continue
  if read_lease "$lease" && [ "$until" -ge $((now - 3600)) ]; then
    if [ "\${lease##*/}" = "$id" ]; then began=$since; continue; fi
    if [ "$until" -gt "$now" ]; then others=$((others + 1)); continue; fi
    if [ "$until" -gt "$ended" ]; then other=$last last=$lease ended=$until lease=$other; fi
  fi
  [ -z "$lease" ] || set -- "$@" "$lease"
  [ $# -lt 100 ] || { rm -f -- "$@"; set --; }
done
[ $# -eq 0 ] || rm -f -- "$@"
[ $others -lt "$most" ] || exit ${scriptExits.busy}
write_lease "$id" $((now + seconds)) "$began" "$who"
printf 'taken %s %s %s\\n' "$now" "$began" $((now + seconds))
`;

/** Arguments: id. Prints `ended NOW`, or `none` when there is none, or it has ended. */
export const endLeaseScript = `${leasePlace}is_ours "$folder" && is_ours "$leases" || { echo none; exit 0; }
now=$(date +%s)
if read_lease "$leases/$1" && [ "$until" -gt "$now" ]; then
  write_lease "$1" "$now" "$since" "$by"
  printf 'ended %s\\n' "$now"
else
  echo none
fi
`;

/** Prints the lines of the leases that hold at `now`, and of the last one that has ended, each after the marker. */
export const printLeases = `if is_ours "$folder" && is_ours "$leases"; then
  last= ended=-1
  for lease in "$leases"/*; do
    read_lease "$lease" || continue
    line="$mark lease \${lease##*/} $until $since $by"
    if [ "$until" -gt "$now" ]; then
      printf '%s\\n' "$line"
    elif [ "$until" -gt "$ended" ]; then
      last=$line ended=$until
    fi
  done
  [ -z "$last" ] || printf '%s\\n' "$last"
fi
`;

/** Arguments: marker. */
export const listLeasesScript = `${leasePlace}mark=$1 now=$(date +%s)
printf '%s now %s\\n' "$mark" "$now"
${printLeases}printf '%s end\\n' "$mark"
`;
