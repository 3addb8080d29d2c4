// Records fixtures/payloads anew: `node dist/test/support/record-payloads.js NAME=PROGRAM …`, one file for each server.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestClient } from './client.ts';
import type { Argument } from './frames.ts';
import { payloadFolder, printPayloads, type PayloadFile, type RecordedPayload } from './payload-fixtures.ts';
import { payloadRecipes, type PayloadRecipe } from './payload-recipes.ts';
import { startServer } from './redis-server.ts';
import { fieldExpiriesOf, knows, serverName } from './server-facts.ts';
import { snapshot } from './snapshot.ts';

const KEY = 'key';
const LONGEST_TEXT = 100;

mkdirSync(payloadFolder, { recursive: true });
for (const argument of process.argv.slice(2)) {
  const [name = '', binary = name] = argument.split('=');
  const file = await record(binary);
  writeFileSync(join(payloadFolder, `${name}.json`), printPayloads(file));
  process.stdout.write(`${name}: ${file.server}, ${file.payloads.length} payloads\n`);
}

async function record(binary: string): Promise<PayloadFile> {
  const server = await startServer({ binary });
  try {
    const client = await server.client();
    const payloads: RecordedPayload[] = [];
    for (const recipe of payloadRecipes) {
      if (recipe.needs !== undefined && !(await knows(client, recipe.needs))) continue;
      payloads.push(await recordOne(client, recipe));
    }
    return {
      server: await serverName(client),
      rdbVersion: payloads[0]!.payload.readUInt16LE(payloads[0]!.payload.length - 10),
      payloads,
    };
  } finally {
    await server.stop();
  }
}

async function recordOne(client: TestClient, { name, config = {}, commands }: PayloadRecipe): Promise<RecordedPayload> {
  await client.send('FLUSHALL');
  const before: [string, string][] = [];
  for (const [option, value] of Object.entries(config)) {
    const reply = (await client.send('CONFIG', 'GET', option)) as [Buffer?, Buffer?];
    // An older server lacks it, and the encoding that it guards.
    if (reply[1] === undefined) continue;
    before.push([option, reply[1].toString()]);
    await client.send('CONFIG', 'SET', option, value);
  }
  for (const command of commands) await client.send(...command);
  const { type, value } = (await snapshot(client)).get(KEY)!;
  const encoding = String(await client.send('OBJECT', 'ENCODING', KEY));
  const fieldExpiries = type === 'hash' ? await fieldExpiriesOf(client, KEY) : {};
  const payload = (await client.send('DUMP', KEY)) as Buffer;
  for (const [option, value] of before) await client.send('CONFIG', 'SET', option, value);
  return {
    name,
    encoding,
    config,
    commands: commands.map((args) => args.map(textOf)),
    type,
    value,
    fieldExpiries,
    payload,
  };
}

function textOf(argument: Argument): string {
  const text = Buffer.isBuffer(argument) ? argument.toString('latin1') : String(argument);
  return text.length <= LONGEST_TEXT ? text : `<${text.length} bytes>`;
}
