// The two sides of each kind of copy, and what it is compared with.
import { join } from 'node:path';
import type { Course } from './dataset.ts';
import type { FloorName } from './floors.ts';
import { newFileSite, startClusterSite, startSite, startTlsSite, type Site, type SiteOptions } from './site.ts';
import { startStallingSite } from './stalling-site.ts';

export interface CourseOfCopy {
  /** The side that is filled. */
  readonly startSource: (options: SiteOptions) => Promise<Site>;
  /** New and empty. */
  readonly startTarget: (options: SiteOptions) => Promise<Site>;
  readonly floors: readonly FloorName[];
  /** What rump reads in place of the server that it was made from. */
  readonly reads?: 'frames' | 'snapshot';
  readonly writesFile?: 'frames' | 'lines';
  /** Whether rump compares both sides, after a copy that is not measured. */
  readonly compares?: boolean;
  /** Whether rump counts what the source holds, and copies nothing. */
  readonly counts?: boolean;
  /** Flags of rump, which a plain copy has not. */
  readonly flags?: (target: Site) => readonly string[];
}

/** It follows the source until that is seen not to be written. */
const UNTIL_QUIET = ['--live', '--until-idle', '300ms', '--linger', '0s'];

export const courses: Readonly<Record<Course, CourseOfCopy>> = {
  servers: { startSource: startSite, startTarget: startSite, floors: ['a', 'b'] },
  whole: { startSource: startSite, startTarget: startSite, floors: ['d'] },
  clusters: { startSource: startClusterSite, startTarget: startClusterSite, floors: ['c'] },
  'stalled-node': { startSource: startSite, startTarget: startStallingSite, floors: [] },
  tls: { startSource: startTlsSite, startTarget: startTlsSite, floors: ['c'] },
  'into-file': { startSource: startSite, startTarget: async () => newFileSite(), floors: [], writesFile: 'frames' },
  'into-ndjson': {
    startSource: startSite,
    startTarget: async () => newFileSite('copy.ndjson'),
    floors: [],
    writesFile: 'lines',
  },
  traced: {
    startSource: startSite,
    startTarget: startSite,
    floors: ['c'],
    flags: ({ dir }) => ['--trace', join(dir, 'frames.log')],
  },
  'out-of-file': { startSource: startSite, startTarget: startSite, floors: ['a'], reads: 'frames' },
  'out-of-snapshot': { startSource: startSite, startTarget: startSite, floors: ['c'], reads: 'snapshot' },
  check: { startSource: startSite, startTarget: startSite, floors: ['c'], compares: true },
  inspect: { startSource: startSite, startTarget: startSite, floors: ['c'], counts: true },
  live: follows('psync'),
  'live-tracking': follows('tracking'),
  'first-snapshot': {
    startSource: startSite,
    startTarget: startSite,
    floors: ['b', 'c'],
    flags: () => ['--first-copy', 'snapshot'],
  },
};

function follows(feed: string): CourseOfCopy {
  return {
    startSource: startSite,
    startTarget: startSite,
    floors: ['c'],
    flags: () => [...UNTIL_QUIET, '--feed', feed],
  };
}

export function framesOf(source: Site): string {
  return join(source.dir, 'frames.resp');
}

/** A file as the source of a copy, that of frames or what SAVE has made. */
export function fileOf(source: Site, kind: 'frames' | 'snapshot'): Site {
  const path = kind === 'frames' ? framesOf(source) : join(source.dir, 'dump.rdb');
  return { ...source, words: (side) => [`--${side}`, path] };
}
