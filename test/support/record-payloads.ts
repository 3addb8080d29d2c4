// Records fixtures/payloads anew: `node dist/test/support/record-payloads.js NAME=PROGRAM …`, one file for each server.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestClient } from './client.ts';
import type { Argument } from './frames.ts';
import { followRecipe, RECIPE_KEY } from './follow-recipe.ts';
import { payloadFolder, printPayloads, type PayloadFile, type RecordedPayload } from './payload-fixtures.ts';
import { payloadRecipes, type PayloadRecipe } from './payload-recipes.ts';
import { startServer } from './redis-server.ts';
import { fieldExpiriesOf, knows, serverName } from './server-facts.ts';
import { snapshot } from './snapshot.ts';

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

async function recordOne(client: TestClient, recipe: PayloadRecipe): Promise<RecordedPayload> {
  const { name, config = {}, commands } = recipe;
  await client.send('FLUSHALL');
  const look = async (): Promise<
    Pick<RecordedPayload, 'encoding' | 'type' | 'value' | 'fieldExpiries' | 'payload'>
  > => {
    const { type, value } = (await snapshot(client)).get(RECIPE_KEY)!;
    const encoding = String(await client.send('OBJECT', 'ENCODING', RECIPE_KEY));
    const fieldExpiries = type === 'hash' ? await fieldExpiriesOf(client, RECIPE_KEY) : {};
    return { encoding, type, value, fieldExpiries, payload: (await client.send('DUMP', RECIPE_KEY)) as Buffer };
  };
  const { encoding, ...found } = (await followRecipe(client, recipe, { look }))!;
  return { name, encoding, config, commands: commands.map((args) => args.map(textOf)), ...found };
}

function textOf(argument: Argument): string {
  const text = Buffer.isBuffer(argument) ? argument.toString('latin1') : String(argument);
  return text.length <= LONGEST_TEXT ? text : `<${text.length} bytes>`;
}
