/** Selects fields of `information` by their names (`--fields`, `--hide`). Values are copied unchanged. Pure. */
import { memberTexts } from '../../src/value/json-members.js';

export interface FieldSelection {
  /** Names of the fields to keep, such as `order.id`; a name includes everything below it. Undefined: all. */
  readonly fields?: readonly string[] | undefined;
  /** Names of fields to leave out; applied after `fields`. */
  readonly hide?: readonly string[] | undefined;
}

/**
 * The JSON object with the selected fields only.
 *
 * @param json a valid JSON object.
 */
export function selectFields(json: string, { fields, hide = [] }: FieldSelection): string {
  if (fields === undefined && hide.length === 0) return json;
  return select(json, '', fields, hide) ?? '{}';
}

/** The JSON text of the field with that name, nested or with dots in its name; undefined if there is none. */
export function fieldText(json: string, name: string): string | undefined {
  const members = memberTexts(json);
  const whole = members.get(name);
  if (whole !== undefined) return whole;
  for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) {
    const outer = members.get(name.slice(0, dot));
    const found = outer?.startsWith('{') ? fieldText(outer, name.slice(dot + 1)) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function select(
  json: string,
  prefix: string,
  fields: readonly string[] | undefined,
  hide: readonly string[],
): string | undefined {
  const kept: string[] = [];
  for (const [name, text] of memberTexts(json)) {
    const path = prefix + name;
    if (hide.some((each) => contains(each, path))) continue;
    const isWhole = fields === undefined || fields.some((each) => contains(each, path));
    const left = isWhole ? undefined : fields;
    const needsParts = isWhole
      ? hide.some((each) => contains(path, each))
      : fields.some((each) => contains(path, each));
    const value = !needsParts ? (isWhole ? text : undefined) : partsOf(text, path, left, hide);
    if (value !== undefined) kept.push(`${JSON.stringify(name)}:${value}`);
  }
  return kept.length === 0 ? undefined : `{${kept.join()}}`;
}

function partsOf(
  text: string,
  path: string,
  fields: readonly string[] | undefined,
  hide: readonly string[],
): string | undefined {
  if (text.startsWith('{')) return select(text, `${path}.`, fields, hide);
  return fields === undefined ? text : undefined;
}

/** Whether the field is the other one, or inside it. */
function contains(outer: string, path: string): boolean {
  return path === outer || (path.startsWith(outer) && path[outer.length] === '.');
}
