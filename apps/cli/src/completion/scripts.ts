// The shell scripts that ask the CLI for completions.

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

export function isShell(text: string): text is Shell {
  return shells.some((shell) => shell === text);
}

/** What the scripts call, with the words typed so far. */
export const completeCommand = '__complete';

/**
 * The words typed so far go to `ondemand __complete`, the last one being completed; a candidate a line comes back, taken as plain text.
 * Where none comes, the shell completes file names.
 */
export const completionScripts: Readonly<Record<Shell, string>> = {
  bash: `# bash completion of ondemand
_ondemand() {
  local candidate index rest="\${COMP_LINE:0:COMP_POINT}" count=0
  local -a words=()
  COMPREPLY=()
  # bash cuts words at : and = too; what no blank parts from the piece before belongs to it
  for (( index = 0; index <= COMP_CWORD; index++ )); do
    local piece="\${COMP_WORDS[index]}"
    if (( count == 0 )) || [[ $rest == [[:space:]]* ]]; then
      words[count++]=""
      rest="\${rest#"\${rest%%[![:space:]]*}"}"
    fi
    (( index == COMP_CWORD )) && piece="$rest" # up to the cursor
    words[count-1]+="$piece"
    rest="\${rest#"$piece"}"
  done
  (( count > 1 )) && [[ \${words[count-2]} == *[\\<\\>] ]] && return
  while IFS= read -r candidate; do
    COMPREPLY+=("$candidate")
  done < <("\${words[0]}" ${completeCommand} "\${words[@]:1}" 2>/dev/null)
}
complete -o bashdefault -o default -F _ondemand ondemand
`,
  zsh: `#compdef ondemand
# zsh completion of ondemand
_ondemand() {
  local -a candidates
  candidates=("\${(@f)$("\${words[1]}" ${completeCommand} "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  candidates=(\${candidates:#})
  if (( $#candidates )); then
    compadd -a candidates
  else
    [[ $PREFIX == --*=* ]] && compset -P '*='
    _files
  fi
}
# found by fpath, this file is the function itself, which is asked now; sourced, it only says what completes
if [[ \${funcstack[1]} == _ondemand ]]; then
  _ondemand "$@"
else
  compdef _ondemand ondemand
fi
`,
  fish: `# fish completion of ondemand
function __ondemand_complete
  set -l current (commandline -ct)
  set -l words (commandline -opc) $current
  set -l candidates (command $words[1] ${completeCommand} $words[2..-1] 2>/dev/null)
  if test (count $candidates) -gt 0
    printf '%s\\n' $candidates
  else
    set -l option (string match -r -- '^--[^=]+=' $current)
    for path in (__fish_complete_path (string replace -r -- '^--[^=]+=' '' $current))
      printf '%s%s\\n' "$option" $path
    end
  end
end
complete -c ondemand -f -a '(__ondemand_complete)'
`,
};
