import { parseCodeRequest } from '../../dispatch/codeRequest';

const question = {
  name: 'heart',
  stations: ['cleveland', 'hungary'],
  parameters: { min_age: '50' },
  outputs: ['counts'],
  recipients: ['ada'],
  proposal: '',
  lines: [['Stations', 'cleveland, hungary']]
};
const answer = () => undefined;

test('a question names stations, parameters and outputs', () => {
  const request = parseCodeRequest({ question, answer });
  expect(request).toMatchObject({
    name: 'heart',
    stations: ['cleveland', 'hungary'],
    parameters: { min_age: '50' },
    outputs: ['counts']
  });
  expect(request?.answer).toBe(answer);
});

test('a question says whether the stations take turns', () => {
  expect(parseCodeRequest({ question, answer })?.isSequential).toBe(false);
  const inTurn = { ...question, route: 'sequential' };
  expect(parseCodeRequest({ question: inTurn, answer })?.isSequential).toBe(
    true
  );
});

test('a question says how many rounds, and who combines them', () => {
  expect(parseCodeRequest({ question, answer })?.rounds).toBe('');
  const rounds =
    'at most 20, of all stations, combined by the aggregator adder';
  const request = { question: { ...question, rounds }, answer };
  expect(parseCodeRequest(request)?.rounds).toBe(rounds);
});

test.each([
  ['nothing', undefined],
  ['no question', { answer }],
  ['nobody to answer', { question }],
  ['a name that is none', { question: { ...question, name: 1 }, answer }],
  [
    'stations that are none',
    { question: { ...question, stations: 'all' }, answer }
  ],
  [
    'an output that is none',
    { question: { ...question, outputs: [{}] }, answer }
  ],
  [
    'a value that is no text',
    { question: { ...question, parameters: { a: 1 } }, answer }
  ]
])('%s is no question', (_, detail) => {
  expect(parseCodeRequest(detail)).toBeNull();
});
