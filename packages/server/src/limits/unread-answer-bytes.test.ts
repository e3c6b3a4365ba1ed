// The account of the bytes that lie unread.

import { expect, test } from 'vitest';
import { createAnswerBudget } from './unread-answer-bytes.ts';

test('createAnswerBudget() gives back what was held, once', () => {
  const budget = createAnswerBudget({ perSubject: 10, inAll: 15 });
  const [a, b] = [budget.open('a'), budget.open('b')];
  a.add(10);
  expect(() => a.add(1)).toThrow(/This token's subject/);
  expect(() => b.add(6)).toThrow(/All callers together/);
  b.add(5);
  a.add(-4);
  b.add(4);
  a.release();
  a.release();
  b.add(1);
  expect(() => b.add(1)).toThrow(/This token's subject/);
});
