// A key for every recipe that a server can follow, in the encoding that the recipe is for, named as the recipe is.
import type { TestClient } from './client.ts';
import { payloadRecipes, type PayloadRecipe } from './payload-recipes.ts';

/** What all recipes write to. */
const KEY = 'key';

/** @returns the names of the keys */
export async function fillByRecipes(client: TestClient): Promise<string[]> {
  const names: string[] = [];
  for (const recipe of payloadRecipes) {
    if (recipe.needs !== undefined && !(await knows(client, recipe.needs))) continue;
    await follow(client, recipe);
    await client.send('RENAME', KEY, recipe.name);
    names.push(recipe.name);
  }
  return names;
}

export async function knows(client: TestClient, command: string): Promise<boolean> {
  const [found] = (await client.send('COMMAND', 'INFO', command)) as unknown[];
  return Array.isArray(found);
}

async function follow(client: TestClient, { config = {}, commands }: PayloadRecipe): Promise<void> {
  const before: [string, string][] = [];
  for (const [option, value] of Object.entries(config)) {
    const reply = (await client.send('CONFIG', 'GET', option)) as [Buffer?, Buffer?];
    // An older server lacks it, and the encoding that it guards.
    if (reply[1] === undefined) continue;
    before.push([option, reply[1].toString()]);
    await client.send('CONFIG', 'SET', option, value);
  }
  for (const command of commands) await client.send(...command);
  for (const [option, value] of before) await client.send('CONFIG', 'SET', option, value);
}
