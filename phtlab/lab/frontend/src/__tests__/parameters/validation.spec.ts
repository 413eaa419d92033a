import { nullTranslator } from '@jupyterlab/translation';

import {
  boundsText,
  checkParameters,
  describe as described,
  withDefaults
} from '../../parameters/validation';
import { IParameter, IParameters, IParameterValues } from '../../server/api';

const trans = nullTranslator.load('phtlab');

function schemaOf(properties: { [name: string]: IParameter }): IParameters {
  return {
    // As Python's side writes it; a browser knows no dialects.
    ...{ $schema: 'https://json-schema.org/draft/2020-12/schema' },
    type: 'object',
    properties,
    required: Object.keys(properties).filter(
      name => properties[name].default === undefined
    ),
    additionalProperties: false
  };
}

const schema = schemaOf({
  min_age: { type: 'integer', minimum: 18, maximum: 100, default: 40 },
  outcome: { type: 'string', enum: ['any', 'severe'], default: 'any' },
  site: { type: 'string' },
  weights: { type: 'array', items: { type: 'number', minimum: 0 }, default: [] }
});

describe('completed', () => {
  it('fills in defaults, in declared order, and drops what is not declared', () => {
    expect(withDefaults(schema, { site: 'a', other: 1 })).toEqual({
      min_age: 40,
      outcome: 'any',
      site: 'a',
      weights: []
    });
  });

  it('keeps a field empty that was emptied', () => {
    expect(
      withDefaults(schema, { min_age: undefined }).min_age
    ).toBeUndefined();
  });
});

describe('checkParameters', () => {
  const good: IParameterValues = { site: 'a' };
  const cases: [string, IParameterValues, { [path: string]: string }][] = [
    ['nothing wrong', {}, {}],
    ['too small', { min_age: 17 }, { min_age: 'Takes 18 to 100, not 17.' }],
    ['too large', { min_age: 101 }, { min_age: 'Takes 18 to 100, not 101.' }],
    ['at the bounds', { min_age: 100 }, {}],
    [
      'a fraction',
      { min_age: 40.5 },
      { min_age: 'Takes a whole number, 18 to 100.' }
    ],
    [
      'text for a number',
      { min_age: 'x' },
      { min_age: 'Takes a whole number, 18 to 100.' }
    ],
    [
      'emptied',
      { min_age: undefined },
      { min_age: 'Needs a value: 18 to 100.' }
    ],
    ['no choice', { outcome: 'x' }, { outcome: 'Takes any or severe, not x.' }],
    [
      'a bad entry',
      { weights: [1, -1] },
      { 'weights.1': 'Takes 0 or more, not -1.' }
    ],
    [
      'a NUL',
      { site: 'a\u0000' },
      { site: 'Has a character that no notebook can hold. Remove it.' }
    ],
    [
      'half a surrogate pair',
      { site: '\ud83d' },
      { site: 'Has a character that no notebook can hold. Remove it.' }
    ],
    ['a whole surrogate pair', { site: '🚂' }, {}],
    [
      'long text',
      { site: 'x'.repeat(1001) },
      { site: 'Has 1001 characters; it takes 0 to 1000.' }
    ]
  ];
  it.each(cases)('%s', (_, values, problems) => {
    expect(checkParameters(schema, { ...good, ...values }, trans)).toEqual(
      problems
    );
  });

  it('asks for what has no default', () => {
    expect(checkParameters(schema, {}, trans)).toEqual({
      site: 'Needs a value: text.'
    });
  });

  it('keeps whole numbers within what a browser can count', () => {
    const wide = schemaOf({ n: { type: 'integer' } });
    expect(checkParameters(wide, { n: 2 ** 53 - 1 }, trans)).toEqual({});
    expect(checkParameters(wide, { n: 2 ** 53 }, trans)).toEqual({
      n: 'Whole numbers go up to 9007199254740991 (2^53 - 1).'
    });
  });

  it('refuses what no JSON can hold', () => {
    const any = schemaOf({ x: { type: 'number' } });
    expect(checkParameters(any, { x: Infinity }, trans)).toEqual({
      x: 'Takes a number.'
    });
  });

  it('takes multiples', () => {
    const even = schemaOf({ n: { type: 'integer', multipleOf: 2 } });
    expect(checkParameters(even, { n: 3 }, trans)).toEqual({
      n: 'Takes multiples of 2.'
    });
  });
});

describe('what a parameter takes, in words', () => {
  const cases: [IParameter, string, string][] = [
    [{ type: 'integer', minimum: 1, maximum: 5 }, '1 to 5', '1 to 5'],
    [{ type: 'number', minimum: 0.5 }, '0.5 or more', '0.5 or more'],
    [{ type: 'number', exclusiveMinimum: 0 }, 'over 0', 'over 0'],
    [
      { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 },
      'over 0 to under 1',
      'over 0 to under 1'
    ],
    [{ type: 'number', exclusiveMaximum: 1 }, 'under 1', 'under 1'],
    [{ type: 'integer', maximum: 9 }, '9 or less', '9 or less'],
    [{ type: 'string', enum: ['a', 'b', 'c'] }, 'a or b or c', ''],
    [{ type: 'boolean' }, 'yes or no', ''],
    [
      { type: 'array', items: { type: 'integer', minimum: 1 } },
      'a list, each 1 or more',
      ''
    ]
  ];
  it.each(cases)('%j', (declared, all, range) => {
    expect(described(declared, trans)).toBe(all);
    expect(boundsText(declared, trans)).toBe(range);
  });
});
