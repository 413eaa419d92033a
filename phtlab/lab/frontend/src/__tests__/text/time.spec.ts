import { nullTranslator } from '@jupyterlab/translation';

import { formatAge, formatDuration, formatRunTime } from '../../text/time';

const trans = nullTranslator.load('phtlab');

const NOON = Date.parse('2026-05-04T12:00:00Z');

it.each([
  [0, '0 s'],
  [59.9, '59 s'],
  [65, '1 min 05 s'],
  [3840, '1 h 04 min'],
  [3 * 86_400, '3 days'],
  [-4, '0 s']
])('a duration of %d s reads %s', (seconds, words) => {
  expect(formatDuration(seconds, trans)).toBe(words);
});

it.each([
  [-4, '0.0 s'],
  [0.84, '0.8 s'],
  [9.96, '10.0 s'],
  [12.9, '12 s'],
  [65, '1 min 05 s']
])('a run of %d s reads %s', (seconds, words) => {
  expect(formatRunTime(seconds, trans)).toBe(words);
});

it.each([
  [-60, 'just now'],
  [59, 'just now'],
  [300, '5 min ago'],
  [7300, '2 h ago'],
  [3 * 86_400, '3 days ago']
])('%d s later reads %s', (seconds, words) => {
  expect(formatAge(NOON, NOON + seconds * 1000, trans)).toBe(words);
});
