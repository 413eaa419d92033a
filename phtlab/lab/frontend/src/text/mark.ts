/**
 * How far something is: a mark and a tone for the eye, always with a word.
 */

export type Tone = 'waiting' | 'moving' | 'good' | 'bad' | 'still' | 'warning';

export interface IMark {
  mark: string;
  tone: Tone;
  label: string;
}
