// The bench: copies real data between real servers as a user would, follows writers, decodes payloads, starts, and prints and keeps what that took.
import { appendFileSync } from 'node:fs';
import { measureDecode } from './decode.ts';
import { decodeBlock } from './decode-table.ts';
import { measureFollowing } from './following.ts';
import { followingBlock } from './following-table.ts';
import { measure } from './measure.ts';
import { readOptions, USAGE } from './options.ts';
import { measureStart, startBlock } from './start.ts';
import { block, heading } from './table.ts';

/** One object a line, added when its dataset is done: an interrupted run keeps what it has. */
const JSON_FILE = 'bench.json';

try {
  await main();
} catch (error) {
  tell(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options === undefined) {
    process.stdout.write(USAGE);
    return;
  }
  for (const [index, name] of options.datasets.entries()) {
    const result = await measure(name, options, (stage) => tell(`${name}: ${stage}`));
    keep(result);
    if (index === 0) process.stdout.write(`\n${heading(result)}`);
    process.stdout.write(`\n${block(result)}`);
  }
  for (const feed of options.feeds) {
    const result = await measureFollowing(feed, options, (stage) => tell(`following by ${feed}: ${stage}`));
    keep(result);
    process.stdout.write(`\n${followingBlock(result)}`);
  }
  if (options.decode) {
    tell('decoding payloads of mixed');
    const result = await measureDecode(options);
    keep(result);
    process.stdout.write(`\n${decodeBlock(result)}`);
  }
  if (!options.start) return;
  tell('starting');
  const result = await measureStart(options.runs);
  keep(result);
  process.stdout.write(`\n${startBlock(result)}`);
}

function keep(result: object): void {
  appendFileSync(JSON_FILE, `${JSON.stringify(result)}\n`);
}

function tell(sentence: string): void {
  process.stderr.write(`bench: ${sentence}\n`);
}
