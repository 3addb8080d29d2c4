// Flags that say how a run is shown, and to whom: a part of the table of flags.

import { listenAddress, oneOf, ownFile, toggle } from './kinds.ts';
import type { Option } from './option.ts';

export const OUTPUT_OPTIONS = {
  progress: {
    group: 'Output',
    kind: oneOf('auto', 'bar', 'dots', 'none'),
    help: 'how progress is shown',
    fallback: 'auto: a bar on a terminal; elsewhere dots of a copy',
    excludes: ['silent', 'json'],
  },
  silent: {
    group: 'Output',
    shorts: ['s', 'q'],
    kind: toggle,
    help: 'print errors only',
    excludes: ['progress', 'json'],
  },
  json: {
    group: 'Output',
    kind: toggle,
    help: 'print one JSON object a line instead',
    excludes: ['progress', 'silent'],
  },
  metrics: {
    group: 'Output',
    kind: listenAddress,
    help: 'show the run at this port, to browsers and to Prometheus: of this machine, unless a HOST is named',
  },
  'metrics-file': {
    group: 'Output',
    kind: ownFile,
    help: 'keep the figures of the run in this file, as Prometheus reads them',
  },
  log: {
    group: 'Output',
    kind: ownFile,
    help: 'write what --json prints into this file as well, behind what it has',
  },
  debug: { group: 'Output', kind: toggle, help: 'print where in the program an error came from' },
  help: { group: 'Output', shorts: ['h'], kind: toggle, help: 'print this', environment: false },
  version: { group: 'Output', shorts: ['v'], kind: toggle, help: 'print the version', environment: false },
} as const satisfies Readonly<Record<string, Option>>;
