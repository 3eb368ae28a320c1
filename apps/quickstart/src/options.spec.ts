import { describe, expect, test } from '@jest/globals';
import { placeOf, readOptions } from './options.js';

const EXAMPLES = ['music-shop', 'travel-booking'];

describe('what npm start is asked', () => {
  test('is one of everything over HTTP, if nothing is said', () => {
    expect(readOptions([], EXAMPLES)).toMatchObject({
      example: 'music-shop',
      kafka: undefined,
      coordinators: 1,
      instances: 1,
      port: 7_070,
    });
  });

  test('may be a Kafka of our own, and several of everything', () => {
    const args = ['--kafka', 'embedded', '--coordinators', '2', '--instances', '3'];

    const options = readOptions(args, EXAMPLES);

    expect(options).toMatchObject({ kafka: 'embedded', coordinators: 2, instances: 3 });
  });

  test('may name brokers, with commas between them', () => {
    const { kafka } = readOptions(['--kafka', '127.0.0.1:9092,kafka-2.example:9093'], EXAMPLES);

    expect(kafka).toEqual(['127.0.0.1:9092', 'kafka-2.example:9093']);
  });
});

describe('the words that lead to the same again', () => {
  test('are none where nothing was said', () => {
    expect(placeOf(readOptions([], EXAMPLES))).toBe('');
  });

  test('are those that were said', () => {
    const args = ['--kafka', '127.0.0.1:9092', '--coordinators', '2', '--instances', '2', '--port', '8000'];

    const options = readOptions([...args, '--exit'], EXAMPLES);

    expect(placeOf(options)).toBe(' --kafka 127.0.0.1:9092 --coordinators 2 --instances 2 --port 8000');
  });
});
