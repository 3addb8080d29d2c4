// Makes the key of a recipe, under the settings that the recipe asks for; the server has its own again afterwards.
import type { TestClient } from './client.ts';
import type { Argument } from './frames.ts';
import type { PayloadRecipe } from './payload-recipes.ts';

/** What all recipes write to. */
export const RECIPE_KEY = 'key';

export interface FollowOptions<T> {
  /** What the key is called in place of `RECIPE_KEY`. */
  readonly name?: string;
  /** Looks at the key while the settings hold. */
  readonly look?: () => Promise<T>;
}

export async function followRecipe<T>(
  client: TestClient,
  { config = {}, commands }: PayloadRecipe,
  { name = RECIPE_KEY, look }: FollowOptions<T> = {},
): Promise<T | undefined> {
  const before: [string, string][] = [];
  for (const [option, value] of Object.entries(config)) {
    const reply = (await client.send('CONFIG', 'GET', option)) as [Buffer?, Buffer?];
    // An older server lacks it, and the encoding that it guards.
    if (reply[1] === undefined) continue;
    before.push([option, reply[1].toString()]);
    await client.send('CONFIG', 'SET', option, value);
  }
  const named = (argument: Argument): Argument => (argument === RECIPE_KEY ? name : argument);
  for (const command of commands) await client.send(...command.map(named));
  const found = await look?.();
  for (const [option, value] of before) await client.send('CONFIG', 'SET', option, value);
  return found;
}
