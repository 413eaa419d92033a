/**
 * What a parameter takes, and whether values fit: phtlab/notebook/parameters.py in the browser.
 *
 * The server checks again; here a person hears it while typing. ajv reads the schema, the words
 * are ours.
 */
import { TranslationBundle } from '@jupyterlab/translation';
import { RJSFSchema, RJSFValidationError } from '@rjsf/utils';
import { customizeValidator } from '@rjsf/validator-ajv8';

import { IParameter, IParameters, IParameterValues } from '../server/api';

/** The bounds that Python's side has where a notebook declares none. */
const LARGEST = Number.MAX_SAFE_INTEGER;
const MAX_LENGTH = 1000;
/** NUL, and half of a surrogate pair: they cannot be written in a notebook. */
const WRITABLE = '^[^\\u0000\\uD800-\\uDFFF]*$';

/** ajv, to which infinity is no number: JSON has none. */
export const validator = customizeValidator<any>({
  ajvOptionsOverrides: { strictNumbers: true }
});

/** A word for each parameter that does not fit; an entry of a list is `name.0`. */
export type Problems = { [path: string]: string };

/**
 * The schema that form and check use. Every parameter is required: the form shows the defaults,
 * so an emptied field is a value that is missing, and not the default that nobody sees.
 */
export function formSchema(schema: IParameters): RJSFSchema {
  const properties: { [name: string]: RJSFSchema } = {};
  for (const [name, declared] of Object.entries(schema.properties)) {
    properties[name] = bounded(declared);
  }
  return {
    type: 'object',
    properties,
    required: Object.keys(properties)
  };
}

function bounded(declared: IParameter): RJSFSchema {
  const rest = { ...declared };
  // What is not in the values is missing, and says so.
  delete rest.default;
  const least: RJSFSchema = {};
  switch (declared.type) {
    case 'integer':
      least.minimum = -LARGEST;
      least.maximum = LARGEST;
      break;
    case 'string':
      least.maxLength = MAX_LENGTH;
      least.pattern = WRITABLE;
      break;
    case 'array':
      least.maxItems = MAX_LENGTH;
      return {
        ...least,
        ...rest,
        items: bounded(itemsOf(declared))
      } as RJSFSchema;
  }
  return { ...least, ...rest } as RJSFSchema;
}

function itemsOf(declared: IParameter): IParameter {
  return (declared.items ?? { type: 'string' }) as IParameter;
}

/** `values` of the declared parameters, the defaults where they have none. */
export function withDefaults(
  schema: IParameters,
  values: IParameterValues
): IParameterValues {
  const whole: IParameterValues = {};
  for (const [name, declared] of Object.entries(schema.properties)) {
    whole[name] = name in values ? values[name] : declared.default;
  }
  return whole;
}

/** What is wrong with `values`, completed with defaults; nothing if they fit. */
export function checkParameters(
  schema: IParameters,
  values: IParameterValues,
  trans: TranslationBundle
): Problems {
  const whole = withDefaults(schema, values);
  const { errors } = validator.rawValidation<any>(formSchema(schema), whole);
  const problems: Problems = {};
  for (const error of errors ?? []) {
    const steps = error.instancePath.split('/').slice(1);
    if (error.keyword === 'required') {
      steps.push(error.params.missingProperty);
    }
    const path = steps.join('.');
    problems[path] ??= errorText(schema, whole, steps, error.keyword, trans);
  }
  return problems;
}

/** ajv's errors in our words, one for a field. */
export function translateErrors(
  schema: IParameters,
  values: IParameterValues,
  errors: RJSFValidationError[],
  trans: TranslationBundle
): RJSFValidationError[] {
  const seen = new Set<string>();
  const kept: RJSFValidationError[] = [];
  for (const error of errors) {
    const path = error.property ?? '';
    if (seen.has(path)) {
      continue;
    }
    seen.add(path);
    const steps = path.split('.').filter(step => step !== '');
    const message = errorText(schema, values, steps, error.name ?? '', trans);
    kept.push({ ...error, message, stack: message });
  }
  return kept;
}

function errorText(
  schema: IParameters,
  values: IParameterValues,
  steps: string[],
  keyword: string,
  trans: TranslationBundle
): string {
  const [name, index] = steps;
  let declared = schema.properties[name];
  let value = values[name];
  if (!declared) {
    return trans.__('This notebook declares no such parameter.');
  }
  if (index !== undefined) {
    declared = itemsOf(declared);
    value = Array.isArray(value) ? value[Number(index)] : undefined;
  }
  const takes = describe(declared, trans);
  if (keyword === 'required' || value === undefined || value === null) {
    return trans.__('Needs a value: %1.', takes);
  }
  switch (keyword) {
    case 'multipleOf':
      return trans.__('Takes multiples of %1.', String(declared.multipleOf));
    case 'pattern':
      return trans.__('Has a character that no notebook can hold. Remove it.');
    case 'minLength':
    case 'maxLength':
      return trans.__(
        'Has %1 characters; it takes %2 to %3.',
        Array.from(String(value)).length,
        (declared.minLength as number) ?? 0,
        (declared.maxLength as number) ?? MAX_LENGTH
      );
    case 'minItems':
    case 'maxItems':
      return trans.__(
        'Has %1 entries; it takes %2 to %3.',
        (value as unknown[]).length,
        (declared.minItems as number) ?? 0,
        (declared.maxItems as number) ?? MAX_LENGTH
      );
    case 'type':
      return declared.type === 'integer' && boundsText(declared, trans)
        ? trans.__('Takes a whole number, %1.', takes)
        : trans.__('Takes %1.', takes);
    default:
      if (Math.abs(Number(value)) > LARGEST && declared.type === 'integer') {
        return trans.__('Whole numbers go up to %1 (2^53 - 1).', LARGEST);
      }
      return trans.__('Takes %1, not %2.', takes, valueText(value));
  }
}

/** The values that a parameter takes, for a person: '18 to 100', 'any or severe'. */
export function describe(
  declared: IParameter,
  trans: TranslationBundle
): string {
  if (declared.enum) {
    return choices(declared.enum.map(valueText), trans);
  }
  const range = boundsText(declared, trans);
  if (range) {
    return range;
  }
  switch (declared.type) {
    case 'array':
      return trans.__('a list, each %1', describe(itemsOf(declared), trans));
    case 'integer':
      return trans.__('a whole number');
    case 'number':
      return trans.__('a number');
    case 'boolean':
      return trans.__('yes or no');
    default:
      return trans.__('text');
  }
}

/** The bounds of a number alone: what stands beside its field. Empty if there are none. */
export function boundsText(
  declared: IParameter,
  trans: TranslationBundle
): string {
  const low = (declared.minimum ?? declared.exclusiveMinimum) as
    number | undefined;
  const high = (declared.maximum ?? declared.exclusiveMaximum) as
    number | undefined;
  const above = declared.exclusiveMinimum !== undefined;
  const below = declared.exclusiveMaximum !== undefined;
  if (low !== undefined && high !== undefined) {
    return trans.__(
      '%1 to %2',
      above ? trans.__('over %1', low) : low,
      below ? trans.__('under %1', high) : high
    );
  }
  if (low !== undefined) {
    return above ? trans.__('over %1', low) : trans.__('%1 or more', low);
  }
  if (high !== undefined) {
    return below ? trans.__('under %1', high) : trans.__('%1 or less', high);
  }
  return '';
}

function choices(names: string[], trans: TranslationBundle): string {
  return names.reduce((before, name) => trans.__('%1 or %2', before, name));
}

/** A value as text, cut where it is long. */
export function valueText(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length <= 60 ? text : text.slice(0, 60) + '…';
}
