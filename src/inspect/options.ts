// What an inspection is asked for: the words shared by its parts. Types only.

import type { MigrateOptions } from '../sync/options.ts';
import type { SourceOptions } from '../sync/settings.ts';

export interface InspectOptions
  extends
    SourceOptions,
    Pick<MigrateOptions, 'db' | 'match' | 'exclude' | 'type' | 'count' | 'buffer' | 'bigKey' | 'maxLatency'>,
    Pick<MigrateOptions, 'onEvent'> {}
