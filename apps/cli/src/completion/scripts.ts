// The shell scripts that ask the CLI for completions.

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

export function isShell(text: string): text is Shell {
  return shells.some((shell) => shell === text);
}

/** What the scripts call, with the words typed so far: it answers with a candidate a line. */
export const completeCommand = '__complete';
/** The same, with a tab and what it is behind each. */
export const describeCommand = '__describe';
/** In place of candidates: files fit here. */
export const filesDirective = ':files';

/**
 * The words typed so far go to `ondemand`, the last one being completed; what comes back is taken as plain text.
 * The shell completes file names where ondemand says that they fit, and after a redirection.
 */
export const completionScripts: Readonly<Record<Shell, string>> = {
  bash: `# bash completion of ondemand
_ondemand_files() {
  local file
  COMPREPLY=()
  compopt -o bashdefault -o default 2>/dev/null && return
  while IFS= read -r file; do # bash 3 has no compopt
    COMPREPLY+=("$file")
  done < <(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}")
}
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
  if (( count > 1 )) && [[ \${words[count-2]} == *[\\<\\>] ]]; then
    _ondemand_files
    return
  fi
  # a word that holds a : is completed in pieces, as bash cuts it
  local cut="\${words[count-1]}" kept=""
  [[ $cut == *:* && $COMP_WORDBREAKS == *:* ]] && kept="\${cut%:*}:"
  while IFS= read -r candidate; do
    if [[ $candidate == ${filesDirective} ]]; then
      _ondemand_files
      return
    fi
    COMPREPLY+=("\${candidate#"$kept"}")
  done < <("\${words[0]}" ${completeCommand} "\${words[@]:1}" 2>/dev/null)
}
complete -F _ondemand ondemand
`,
  zsh: `#compdef ondemand
# zsh completion of ondemand
_ondemand() {
  local line
  local -a lines values shown
  lines=("\${(@f)$("\${words[1]}" ${describeCommand} "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ \${lines[1]} == ${filesDirective} ]]; then
    [[ $PREFIX == --*=* ]] && compset -P '*='
    _files
    return
  fi
  for line in \${lines:#}; do
    values+=("\${line%%$'\\t'*}")
    shown+=("\${line/$'\\t'/  -- }")
  done
  (( $#values )) || return 1
  [[ "$lines" == *$'\\t'* ]] && compadd -l -d shown -a values || compadd -a values
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
  set -l candidates (command $words[1] ${describeCommand} $words[2..-1] 2>/dev/null)
  if test "$candidates[1]" = ${filesDirective}
    set -l option (string match -r -- '^--[^=]+=' $current)
    for path in (__fish_complete_path (string replace -r -- '^--[^=]+=' '' $current))
      printf '%s%s\\n' "$option" $path
    end
  else if test (count $candidates) -gt 0
    printf '%s\\n' $candidates
  end
end
complete -c ondemand -f -a '(__ondemand_complete)'
`,
};
