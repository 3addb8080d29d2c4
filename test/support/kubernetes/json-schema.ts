// As much of JSON Schema as fixtures/kubernetes/ is written in. A word of it that is not known here is an error, so that
// nothing of a schema is passed over.

export type Schema = Readonly<Record<string, unknown>>;

type Fields = Readonly<Record<string, unknown>>;

const KNOWN = new Set(['type', 'properties', 'required', 'additionalProperties', 'items', 'enum', 'const', '$ref']);
/** They say nothing of a value. */
const NOTES = new Set(['$schema', '$defs', 'title']);

/** What is wrong with a value, each with its place: `spec.template: …`. */
export function complaintsOf(value: unknown, schema: Schema, root = schema, at = ''): string[] {
  for (const word of Object.keys(schema))
    if (!KNOWN.has(word) && !NOTES.has(word)) throw new Error(`The schema says ${word}, which is not known here`);
  const { $ref: reference, type, enum: words, const: only, items } = schema;
  if (typeof reference === 'string') return complaintsOf(value, resolve(root, reference), root, at);
  const complain = (what: string): string[] => [`${at === '' ? 'it' : at}: ${what}`];
  if (type !== undefined && ![type].flat().some((name) => isOfType(value, name)))
    return complain(`is no ${JSON.stringify(type)}`.replaceAll('"', ''));
  if (Array.isArray(words) && !words.includes(value)) return complain(`is none of ${words.join(', ')}`);
  if (only !== undefined && value !== only) return complain(`is not ${JSON.stringify(only)}`);
  if (Array.isArray(value))
    return value.flatMap((item, i) => complaintsOf(item, (items ?? {}) as Schema, root, `${at}[${i}]`));
  if (typeof value !== 'object' || value === null) return [];
  return complaintsOfFields(value as Fields, schema, root, at);
}

function complaintsOfFields(value: Fields, schema: Schema, root: Schema, at: string): string[] {
  const { properties = {}, required = [], additionalProperties: rest } = schema;
  const place = (name: string): string => (at === '' ? name : `${at}.${name}`);
  const missing = (required as readonly string[]).filter((name) => value[name] === undefined);
  const found = Object.entries(value).flatMap(([name, field]) => {
    const known = Object.hasOwn(properties as object, name) ? (properties as Fields)[name] : rest;
    if (known === false) return [`${place(name)}: is no field of it`];
    return complaintsOf(field, (known ?? {}) as Schema, root, place(name));
  });
  return [...missing.map((name) => `${place(name)}: is missing`), ...found];
}

function isOfType(value: unknown, type: unknown): boolean {
  switch (type) {
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return Number.isInteger(value);
    case 'string':
    case 'boolean':
      return typeof value === type;
    default:
      throw new Error(`The schema says type ${String(type)}, which is not known here`);
  }
}

/** `#/$defs/JobSpec` */
function resolve(root: Schema, reference: string): Schema {
  const schema = (root['$defs'] as Record<string, Schema>)[reference.replace('#/$defs/', '')];
  if (schema === undefined) throw new Error(`The schema has no ${reference}`);
  return schema;
}
