import { parseJourneyId } from '../../journeys/identifier';

it('takes only the id of a journey from an event', () => {
  const id = 'sha256:' + 'a'.repeat(64);
  expect(parseJourneyId({ journey: id })).toBe(id);
  for (const detail of [
    null,
    undefined,
    'text',
    { journey: 3 },
    { journey: `${id}/../x` },
    { journey: '../keys' }
  ]) {
    expect(parseJourneyId(detail)).toBeNull();
  }
});
