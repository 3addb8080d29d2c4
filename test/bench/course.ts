// The two sides of each kind of copy, and what it is compared with.
import { join } from 'node:path';
import type { Course } from './dataset.ts';
import type { FloorName } from './floors.ts';
import { newFileSite, startClusterSite, startSite, startTlsSite, type Site, type SiteOptions } from './site.ts';

export interface CourseOfCopy {
  /** The side that is filled. */
  readonly startSource: (options: SiteOptions) => Promise<Site>;
  /** New and empty. */
  readonly startTarget: (options: SiteOptions) => Promise<Site>;
  readonly floors: readonly FloorName[];
  /** Whether rump reads the file of frames in place of the server that they were made from. */
  readonly readsFile?: boolean;
  readonly writesFile?: boolean;
}

export const courses: Readonly<Record<Course, CourseOfCopy>> = {
  servers: { startSource: startSite, startTarget: startSite, floors: ['a', 'b'] },
  clusters: { startSource: startClusterSite, startTarget: startClusterSite, floors: ['c'] },
  tls: { startSource: startTlsSite, startTarget: startTlsSite, floors: ['c'] },
  'into-file': { startSource: startSite, startTarget: async () => newFileSite(), floors: [], writesFile: true },
  'out-of-file': { startSource: startSite, startTarget: startSite, floors: ['a'], readsFile: true },
};

export function framesOf(source: Site): string {
  return join(source.dir, 'frames.resp');
}

/** The file of frames as the source of a copy. */
export function fileOf(source: Site): Site {
  return { ...source, words: (side) => [`--${side}`, framesOf(source)] };
}
