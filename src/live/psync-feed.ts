// stub
export { TrackingFeed as PsyncFeed } from './tracking-feed.ts';
