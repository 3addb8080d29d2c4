// Completions as each shell wants them: programs that know the commands, their flags and what values may be, and ask nobody.

export type Shell = 'bash' | 'zsh' | 'fish';

export interface KnownCommand {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly KnownFlag[];
  /** What may follow its name, word by word. */
  readonly operands: readonly Choices[];
}

export interface KnownFlag {
  /** Without its dashes. */
  readonly name: string;
  readonly shorts: readonly string[];
  readonly help: string;
  /** A switch has none. */
  readonly choices: Choices | undefined;
  readonly isRepeatable: boolean;
}

/** What a value may be, as far as anybody can know. */
export interface Choices {
  readonly words: readonly string[];
  readonly paths: 'files' | 'folders' | undefined;
}

type Known = readonly KnownCommand[];

/** Each makes the program of its shell. The first command is the one that needs no word. */
export const SHELLS: Readonly<Record<string, (commands: Known) => string>> = { bash, zsh, fish } satisfies Record<
  Shell,
  unknown
>;

/** It splits the line itself: bash cuts words at `=` and `:` as well. It does without what bash 3.2 has not. */
function bash(commands: Known): string {
  const taking = flagsOf(commands).filter(({ choices }) => choices !== undefined);
  const values = bashCases(taking.map(({ name, choices }) => [name, choices!]));
  const operands = bashCases(
    commands.flatMap(({ name, operands }) => operands.map((choices, at) => [`${name}:${at}`, choices] as const)),
  );
  const lists = commands.map(({ name, flags }) => `      ${name}) words='${dashed(flags).join(' ')}' ;;\n`).join('');
  return `# Completion of rump for bash.
_rump_words() {
  local IFS=$' \\t\\n'
  COMPREPLY=($(compgen -W "$1" -- "$2"))
}

_rump_paths() {
  local IFS=$'\\n'
  compopt -o filenames 2>/dev/null
  COMPREPLY+=($(compgen "$1" -- "$2"))
}

_rump() {
  local line=\${COMP_LINE:0:COMP_POINT} current= command= flag= name word words
  local -i operands=0
  COMPREPLY=()
  IFS=$' \\t\\n' read -ra words <<< "$line"
  if [[ $line != *[[:space:]] ]]; then
    current=\${words[\${#words[@]} - 1]}
    unset "words[\${#words[@]} - 1]"
  fi
  for word in "\${words[@]:1}"; do
    if [[ -n $flag ]]; then
      flag=
    elif [[ $word == -?* ]]; then
      name=\${word#-}
      name=\${name#-}
      case $name in
        ${taking.map(({ name }) => name).join('|')}) flag=$name ;;
      esac
    elif [[ -n $command ]]; then
      operands+=1
    else
      command=$word
    fi
  done
  if [[ -z $flag && $current == -*=* ]]; then
    flag=\${current%%=*}
    flag=\${flag#-}
    flag=\${flag#-}
    current=\${current#*=}
  fi
  if [[ -n $flag ]]; then
    case $flag in
${values}    esac
  elif [[ $current == -* ]]; then
    case \${command:-${commands[0]!.name}} in
${lists}    esac
    [[ $current == -[^-]* ]] && words=\${words//--/-}
    _rump_words "$words" "$current"
  elif [[ -z $command ]]; then
    _rump_words '${namesOf(commands).join(' ')}' "$current"
  else
    case $command:$operands in
${operands}    esac
  fi
}

complete -F _rump rump
`;
}

/** A line for each reply; what has none to offer has no line. */
function bashCases(entries: readonly (readonly [string, Choices])[]): string {
  const names = new Map<string, string[]>();
  for (const [name, choices] of entries) {
    const reply = bashReply(choices);
    if (reply !== '') names.set(reply, [...(names.get(reply) ?? []), name]);
  }
  return Array.from(names, ([reply, same]) => `      ${same.join('|')}) ${reply} ;;\n`).join('');
}

function bashReply({ words, paths }: Choices): string {
  const replies = words.length === 0 ? [] : [`_rump_words '${words.join(' ')}' "$current"`];
  if (paths !== undefined) replies.push(`_rump_paths ${paths === 'files' ? '-f' : '-d'} "$current"`);
  return replies.join('; ');
}

function zsh(commands: Known): string {
  const [first] = commands;
  const describe = commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}\n`).join('');
  const cases = commands.map((command) => {
    const operands = command.operands.map((choices, at) => quoted(`${at + 2}:${zshAction(choices)}`));
    const specs = [...command.flags.flatMap(zshFlag), quoted('1:command:_rump_commands'), ...operands];
    return `    (${command.name})\n      _arguments ${specs.join(' \\\n        ')}\n      ;;\n`;
  });
  return `#compdef rump
# Completion of rump for zsh.
_rump_commands() {
  local -a commands=(
${describe}  )
  _describe command commands
}

_rump_either() {
  compadd -- \${=1}
  shift
  "$@"
}

_rump() {
  local command=${first!.name} word
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case $word in
      (${namesOf(commands).join('|')}) command=$word; break ;;
    esac
  done
  case $command in
${cases.join('')}  esac
}

if [[ $funcstack[1] == _rump ]]; then _rump "$@"; else compdef _rump rump; fi
`;
}

function zshFlag({ name, shorts, help, choices, isRepeatable }: KnownFlag): string[] {
  const all = [...shorts.map((short) => `-${short}`), `--${name}`];
  const text = `[${help.replaceAll(/[\\[\]]/g, String.raw`\$&`)}]`;
  const value = choices === undefined ? '' : `:${zshAction(choices)}`;
  const others = isRepeatable ? '*' : all.length > 1 ? `(${all.join(' ')})` : '';
  return all.map((flag) =>
    quoted(`${others}${flag}${choices !== undefined && flag.startsWith('--') ? '=' : ''}${text}${value}`),
  );
}

/** With the message in front of it. */
function zshAction({ words, paths }: Choices): string {
  if (paths === undefined) return words.length === 0 ? 'value: ' : `value:(${words.join(' ')})`;
  const files = paths === 'files' ? '_files' : '_files -/';
  return words.length === 0 ? `path:${files}` : `path: _rump_either '${words.join(' ')}' ${files}`;
}

function fish(commands: Known): string {
  const names = namesOf(commands);
  const [first] = names;
  const lines = ['# Completion of rump for fish.', 'complete -c rump -f'];
  const none = `not __fish_seen_subcommand_from ${names.join(' ')}`;
  for (const { name, summary } of commands)
    lines.push(`complete -c rump -n ${quoted(none)} -a ${name} -d ${quoted(summary)}`);
  for (const { name, operands } of commands)
    for (const choices of operands)
      lines.push(`complete -c rump -n ${quoted(`__fish_seen_subcommand_from ${name}`)}${fishChoices(choices)}`);
  for (const { name, shorts, help, choices } of flagsOf(commands)) {
    const takers = commands
      .filter(({ flags }) => flags.some((flag) => flag.name === name))
      .map((command) => command.name);
    const others = names.filter((command) => !takers.includes(command));
    const condition = takers.includes(first!)
      ? others.length === 0
        ? ''
        : `not __fish_seen_subcommand_from ${others.join(' ')}`
      : `__fish_seen_subcommand_from ${takers.join(' ')}`;
    const when = condition === '' ? '' : ` -n ${quoted(condition)}`;
    const letters = shorts.map((short) => ` -s ${short}`).join('');
    const value = choices === undefined ? '' : ` ${choices.paths === 'files' ? '-r' : '-x'}${fishChoices(choices)}`;
    lines.push(`complete -c rump${when}${letters} -l ${name}${value} -d ${quoted(help)}`);
  }
  return `${lines.join('\n')}\n`;
}

function fishChoices({ words, paths }: Choices): string {
  const folders = paths === 'folders' ? ['(__fish_complete_directories)'] : [];
  const all = [...words, ...folders];
  return `${paths === 'files' ? ' -F' : ''}${all.length === 0 ? '' : ` -a ${quoted(all.join(' '))}`}`;
}

function namesOf(commands: Known): string[] {
  return commands.map(({ name }) => name);
}

/** All that any command takes. */
function flagsOf(commands: Known): KnownFlag[] {
  const flags = new Map(commands.flatMap(({ flags }) => flags.map((flag) => [flag.name, flag] as const)));
  return [...flags.values()];
}

function dashed(flags: readonly KnownFlag[]): string[] {
  return flags.map(({ name }) => `--${name}`);
}

/** For any of the shells. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
