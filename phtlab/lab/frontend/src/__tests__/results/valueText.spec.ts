import { fullText, shapeText, shortText } from '../../results/valueText';

it('shows numbers to six digits, and has them whole', () => {
  expect(shortText(1 / 3)).toBe('0.333333');
  expect(shortText(1234567)).toBe('1234567');
  expect(shortText(1e-9 / 3)).toBe('3.33333e-10');
  expect(shortText(null)).toBe('');
  expect(fullText(1 / 3)).toBe(String(1 / 3));
  expect(fullText({ a: [1] })).toBe('{"a":[1]}');
});

it('has words for shapes', () => {
  expect(shapeText([3, 4], 'a number')).toBe('3 × 4');
  expect(shapeText([], 'a number')).toBe('a number');
});
