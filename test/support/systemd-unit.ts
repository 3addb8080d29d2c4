// Units of systemd as a test reads them: sections, keys with all their values, and which of them there are in systemd 252.

/** Of each section, each key with its values in order. */
export type Sections = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

const KEYS: Readonly<Record<string, ReadonlySet<string>>> = {
  Unit: new Set(
    'Description Documentation Wants Requires After Before StartLimitIntervalSec StartLimitBurst'.split(' '),
  ),
  Service: new Set(
    [
      'Type User Group DynamicUser Environment EnvironmentFile LoadCredential ExecStart RuntimeDirectory',
      'RuntimeDirectoryMode RuntimeDirectoryPreserve LogsDirectory LogsDirectoryMode StateDirectory Restart RestartSec',
      'RestartForceExitStatus RestartPreventExitStatus SuccessExitStatus KillSignal TimeoutStopSec MemoryMax UMask',
      'CapabilityBoundingSet LockPersonality NoNewPrivileges PrivateDevices PrivateTmp ProtectClock',
      'ProtectControlGroups ProtectHome ProtectHostname ProtectKernelLogs ProtectKernelModules ProtectKernelTunables',
      'ProtectProc ProtectSystem RestrictAddressFamilies RestrictNamespaces RestrictRealtime RestrictSUIDSGID',
      'SystemCallArchitectures SystemCallFilter',
    ].flatMap((keys) => keys.split(' ')),
  ),
  Install: new Set(['WantedBy', 'RequiredBy', 'Alias']),
};

/** @throws where a line is no key and no section */
export function sectionsOf(text: string): Sections {
  const sections: Record<string, Record<string, string[]>> = {};
  let section: Record<string, string[]> | undefined;
  // A line that ends with a backslash goes on in the next one.
  for (const line of text.replaceAll(/\\\n\s*/g, ' ').split('\n')) {
    if (line.trim() === '' || /^[#;]/.test(line)) continue;
    const name = /^\[(\w+)\]$/.exec(line)?.[1];
    if (name !== undefined) {
      section = sections[name] ??= {};
      continue;
    }
    const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (key === undefined || section === undefined) throw new Error(`No line of a unit: ${line}`);
    (section[key] ??= []).push(value!);
  }
  return sections;
}

export function complaintsOfUnit(text: string): string[] {
  return Object.entries(sectionsOf(text)).flatMap(([section, keys]) => {
    const known = KEYS[section];
    if (known === undefined) return [`${section} is no section`];
    return Object.keys(keys).flatMap((key) => (known.has(key) ? [] : [`${section}: ${key} is no key of it`]));
  });
}
