// Preloaded into rump with --import: at the end it adds its own CPU time and peak memory, a line of JSON, to a file.
import { appendFileSync, readFileSync } from 'node:fs';
import type { Usage } from './copy-process.ts';

const file = process.env['BENCH_USAGE_FILE'];
if (file === undefined) throw new Error('BENCH_USAGE_FILE is not set');

process.on('exit', () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  const usage: Usage = { cpu: (userCPUTime + systemCPUTime) / 1e6, peakRss: (linuxPeak() ?? maxRSS) * 1024 };
  appendFileSync(file, `${JSON.stringify(usage)}\n`);
});

/** On Linux `maxRSS` outlives exec: a child starts with the peak of the process that forked it. This one does not. In KiB. */
function linuxPeak(): number | undefined {
  try {
    const peak = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    return peak === undefined ? undefined : Number(peak);
  } catch {
    return undefined;
  }
}
