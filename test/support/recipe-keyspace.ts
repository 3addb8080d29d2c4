// A key for every recipe that a server can follow, in the encoding that the recipe is for, named as the recipe is.
import type { TestClient } from './client.ts';
import { followRecipe } from './follow-recipe.ts';
import { payloadRecipes } from './payload-recipes.ts';
import { knows } from './server-facts.ts';

/** @returns the names of the keys */
export async function fillByRecipes(client: TestClient): Promise<string[]> {
  const names: string[] = [];
  for (const recipe of payloadRecipes) {
    const { name, needs } = recipe;
    if (needs !== undefined && !(await knows(client, needs))) continue;
    await followRecipe(client, recipe, { name });
    names.push(name);
  }
  return names;
}
