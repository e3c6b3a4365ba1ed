// What runs on the VM for one observation of its use: everything that only the VM knows, in one command, as an ordinary user.

import { places, readState, scriptExits } from '../jobs-on-vm/scripts.ts';
import { leasePlace, printLeases } from './scripts.ts';

/*
 * The folder idle/ holds what the processes of the API tell each other, each file written whole and moved into place:
 * `api.ID.PORT`, the end of a connection of that process and its rules, since sshd may keep an old one for hours that leads nowhere;
 * `use.SIGNAL`, when that signal was last used and by whom; `observed`, when a process last observed all of them;
 * `ready`, which boot of the VM was first seen ready when (no time: not yet), and `late` if it had been seen before that;
 * `announced`, the last announcement of a stop; `claimed`, the last claim of one.
 * A script that could not write what it was to write ends with another code than 0.
 */
const idlePlace = `idle=$folder/idle
make_idle() { make_ours "$folder" && make_ours "$idle"; }
put() {
  is_ours "$idle" || return 1
  new=$idle/.new-$1-$$
  printf '%s\\n' "$2" >"$new" && mv -- "$new" "$idle/$1" && return
  rm -f -- "$new"
  return 1
}
`;

/** Registers this connection of the process `$api` with the rules `$rules`: others must not take it for a person's. */
const register = `make_idle
set -f
set -- $SSH_CONNECTION
set +f
ssh_port=
[ $# -ne 4 ] || { ssh_port=$4; put "api.$api.$2" "$1 $2 $rules"; }
`;

/** Arguments: the id of the process, its rules (`STOPAFTER MAXON`). */
export const registerScript = `${places}${idlePlace}api=$1 rules=$2
${register}`;

/** Arguments: the id of a process whose connections end now. */
export const unregisterScript = `${places}${idlePlace}! is_ours "$idle" || rm -f -- "$idle/api.$1."*
`;

/**
 * Arguments: marker, the id of the process, its rules, ids of connections that have gone, ports of the host in hexadecimal whose connections
 * are wanted, whether Docker answers (empty: no), and the process ids of containers. Prints lines that begin with the marker; `parseObservation` knows them.
 * Files of other processes are read before the table of connections: whose end is not in it has gone.
 * A time that is kept and that the clock has not reached, since it was set back, is made the present once: it ages from then on.
 */
export const observationScript = `${leasePlace}${readState}${idlePlace}mark=$1 api=$2 rules=$3 gone=$4 wanted=$5 docker=$6
shift 6
jobs=$folder/jobs proc=\${HOST_PROC:-/proc} pids="$*"
now=$(date +%s)
say() { printf '%s %s\\n' "$mark" "$*"; }
say now "$now"
for id in $gone; do rm -f -- "$idle/api.$id"; done
${register}say ssh "$SSH_CONNECTION"
boot=- started=
read -r boot <"$proc/sys/kernel/random/boot_id"
while read -r word value; do [ "$word" != btime ] || started=$value; done <"$proc/stat"
known=- ready= late=
read -r known ready late <"$idle/ready"
kept="$known $ready $late"
if [ "$known" != "$boot" ]; then
  ready= late=
  # Nobody observed it for an hour: it has been ready for long.
  [ -z "$docker" ] || [ $((now - \${started:-$now})) -lt 3600 ] || ready=$started
elif [ -z "$ready" ]; then
  late=\${docker:+late}
fi
case $ready in
  '' | *[!0-9]*) ready=\${docker:+$now} ;;
  *) [ "$ready" -le "$now" ] || ready=$now ;;
esac
[ "$kept" = "$boot $ready $late" ] || put ready "$boot $ready $late"
[ -z "$started" ] || say on "$started"
say ready "\${ready:-\${started:-$now}} $late"
for each in leases jobs; do
  [ -e "$folder/$each" ] || [ -L "$folder/$each" ] || continue
  { is_ours "$folder" && is_ours "$folder/$each" && [ -r "$folder/$each" ]; } || say unreadable "$each"
done
if is_ours "$idle"; then
  for file in "$idle"/api.* "$idle/announced" "$idle/observed" "$idle"/use.*; do
    line= name=\${file##*/}
    IFS= read -r line <"$file" || continue
    case $name in
      observed | use.*)
        if [ "\${line%% *}" -gt "$now" ]; then
          line="$now \${line#* }"
          put "$name" "$line"
        fi
        ;;
    esac
    say "$name" "$line"
  done
fi
${printLeases}if is_ours "$folder" && is_ours "$jobs"; then
  for job in "$jobs"/*; do
    read_state "$job"
    [ $state = running ] || continue
    { read -r kind && read -r began && IFS= read -r target; } <"$job/meta" && say job "\${job##*/}" "$target"
  done
fi
# Prints the established connections of a table to the ports in \`ports\`, and to those that it listens on, which come first in it.
# Read at once: the shell's own \`read\` asks the system for each byte, and a busy VM has thousands of lines.
table() {
  whose=$1
  lines=$(tail -n +2 "$2") || { [ ! -r "$2" ] || say unreadable "$whose"; return; }
  IFS='
'
  set -f
  for line in $lines; do
    IFS=' '
    set -- $line
    here=$2 there=$3
    case $4 in
      0A) [ $whose = host ] || ports="$ports\${here##*:} " ;;
      01)
        case $ports in *" \${here##*:} "*) ;; *) continue ;; esac
        [ $whose = host ] || case $there in ??????7F:* | 0000000000000000FFFF0000??????7F:* | 00000000000000000000000001000000:*) continue ;; esac
        [ $left -gt 0 ] || { cut=cut; break; }
        left=$((left - 1))
        say c "$whose" "$here" "$there"
        ;;
    esac
  done
  set +f
  unset IFS
}
ports=" $wanted "
[ -z "$ssh_port" ] || ports="$ports$(printf %04X "$ssh_port") "
left=2000 cut=
[ -r "$proc/self/net/tcp" ] && say table host || say unreadable host
table host "$proc/self/net/tcp"
table host "$proc/self/net/tcp6"
[ -z "$cut" ] || say cut host
for pid in $pids; do
  if [ ! -r "$proc/$pid/net/tcp" ]; then
    if [ -d "$proc/$pid" ] || [ ! -d "$proc/1" ]; then say unreadable "$pid"; fi
    continue
  fi
  say table "$pid"
  ports=" " left=200 cut=
  table "$pid" "$proc/$pid/net/tcp"
  table "$pid" "$proc/$pid/net/tcp6"
  [ -z "$cut" ] || say cut "$pid"
done
say end
`;

/** Arguments: triples of a signal (`observed`: of all), seconds (`-5`: five ago) and who; a time that is older than what is there is passed over, unless that is in the future. */
export const noteScript = `${places}${idlePlace}make_idle || exit ${scriptExits.noFolder}
now=$(date +%s)
failed=
while [ $# -ge 3 ]; do
  was=0 at=$2 file=use.$1
  [ "$1" != observed ] || file=observed
  case $at in -*) at=$((now - \${at#-})) ;; esac
  read -r was _ <"$idle/$file"
  case $was in '' | *[!0-9]*) was=0 ;; esac
  if [ "$at" -gt "$was" ] || [ "$was" -gt "$now" ]; then put "$file" "$at $3" || failed=failed; fi
  shift 3
done
[ -z "$failed" ] || exit ${scriptExits.noFolder}
`;

/** Arguments: when it stops, why (and whether it is a dry run), and a line for those who are logged in; they get it once, however many processes announce the same. */
export const announceScript = `${places}${idlePlace}make_idle || exit ${scriptExits.noFolder}
now=$(date +%s)
at=0 stops=0 why=
read -r at stops why <"$idle/announced"
put announced "$now $1 $2" || exit ${scriptExits.noFolder}
[ "$why" = "$2" ] && [ $((stops - $1)) -lt 30 ] && [ $(($1 - stops)) -lt 30 ] && exit 0
[ -z "$3" ] || ! command -v wall >/dev/null || { printf '%s\\n' "$3" | wall & } >/dev/null </dev/null
exit 0
`;

/**
 * Arguments: since when the VM is ready, why it is to stop, and when it was last observed. Prints `claimed` to one of those who ask within two
 * minutes, however many do; to nobody while a lease holds or, where it is to stop as idle, a job runs or use was noted: since the observation.
 */
export const claimScript = `${leasePlace}${readState}${idlePlace}make_idle || exit ${scriptExits.noFolder}
# Without that tool two may claim at the same moment; the ETag lets one stop through then.
exec 6>>"$idle/claim.lock"
flock 6
now=$(date +%s)
if is_ours "$leases"; then
  for lease in "$leases"/*; do
    if read_lease "$lease" && [ "$until" -gt "$now" ]; then exit 0; fi
  done
fi
if [ "$2" = idle ]; then
  for use in "$idle"/use.*; do
    at=
    if read -r at _ <"$use" && [ "$at" -ge "$3" ]; then exit 0; fi
  done
  ! is_ours "$folder/jobs" || for job in "$folder/jobs"/*; do
    read_state "$job"
    [ $state != running ] || exit 0
  done
fi
ready= at=
read -r ready at <"$idle/claimed"
[ "$ready" = "$1" ] && [ "$at" -gt $((now - 120)) ] && [ "$at" -le "$now" ] && exit 0
put claimed "$1 $now" || exit ${scriptExits.noFolder}
echo claimed
`;
