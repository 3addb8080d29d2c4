// Flags of a copy that follows its source: a part of the table of flags.

import { file, oneOf, toggle } from './kinds.ts';
import type { Option } from './option.ts';
import { duration, durationOrZero, wholeNumber } from '../../sync/quantities.ts';

const LIVE = {
  flag: 'live',
  why: 'without --live a copy ends by itself',
  hint: 'give --live as well',
};

export const LIVE_OPTIONS = {
  live: {
    group: 'Following',
    kind: toggle,
    help: 'follow what changes at the source until the cutover',
    excludes: ['dry-run'],
  },
  feed: {
    group: 'Following',
    needs: LIVE,
    kind: oneOf('auto', 'psync', 'tracking'),
    help: 'how changes are learnt: as a replica does, or by CLIENT TRACKING',
    fallback: 'auto: the first that works and leaves no trace',
  },
  'cutover-file': {
    group: 'Following',
    needs: LIVE,
    kind: file,
    help: 'this file appears when the writers have stopped',
  },
  'until-idle': {
    group: 'Following',
    needs: LIVE,
    kind: duration,
    help: 'the writers have stopped when nothing was written for so long',
  },
  'cutover-timeout': {
    group: 'Following',
    needs: LIVE,
    kind: duration,
    help: 'a cutover that takes longer fails',
    fallback: '60s',
  },
  linger: {
    group: 'Following',
    needs: LIVE,
    kind: durationOrZero,
    help: 'stay so long after the cutover, and name what is still written',
    fallback: '2s',
  },
  settle: {
    group: 'Following',
    needs: LIVE,
    kind: durationOrZero,
    help: 'a large value that changes all the time is read no more often',
    fallback: '200ms',
  },
  'wait-replicas': {
    group: 'Following',
    needs: LIVE,
    kind: wholeNumber(0),
    help: 'replicas of the target that must have everything before the end',
    fallback: '0',
  },
  delete: {
    group: 'Following',
    needs: LIVE,
    kind: toggle,
    help: "remove also what may have been the target's own before",
  },
  'names-limit': {
    group: 'Following',
    needs: LIVE,
    kind: wholeNumber(1),
    help: 'names that are kept at most: of changed keys, and of keys that the target had',
    fallback: '1000000',
  },
} as const satisfies Readonly<Record<string, Option>>;
