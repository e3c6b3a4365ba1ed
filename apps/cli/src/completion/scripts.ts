// What each shell needs in order to ask the CLI itself for completions.

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

export function isShell(text: string): text is Shell {
  return shells.some((shell) => shell === text);
}

/** What the scripts call, with the words typed so far. */
export const completeCommand = '__complete';

/** The words typed so far go to `ondemand __complete`, the last one being completed; a candidate a line comes back, taken as plain text. */
export const completionScripts: Readonly<Record<Shell, string>> = {
  bash: `# bash completion of ondemand
_ondemand() {
  local candidate current="\${COMP_WORDS[COMP_CWORD]}"
  COMPREPLY=()
  while IFS= read -r candidate; do
    COMPREPLY+=("$candidate")
  done < <("\${COMP_WORDS[0]}" ${completeCommand} "\${COMP_WORDS[@]:1:COMP_CWORD-1}" "$current" 2>/dev/null)
}
complete -F _ondemand ondemand
`,
  zsh: `#compdef ondemand
# zsh completion of ondemand
_ondemand() {
  local -a candidates
  candidates=("\${(@f)$("\${words[1]}" ${completeCommand} "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  candidates=(\${candidates:#})
  compadd -a candidates
}
compdef _ondemand ondemand
`,
  fish: `# fish completion of ondemand
function __ondemand_complete
  set -l words (commandline -opc) (commandline -ct)
  command $words[1] ${completeCommand} $words[2..-1] 2>/dev/null
end
complete -c ondemand -f -a '(__ondemand_complete)'
`,
};
