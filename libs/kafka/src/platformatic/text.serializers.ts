import { stringSerializers } from '@platformatic/kafka';

/** Longer texts are hardly the same twice. */
const LENGTH_MAX = 40;

/** Past this no further ones are kept. */
const COUNT_MAX = 1_000;

const kept = new Map<string, Buffer>();

/** Serializers of texts. Those of headers keep what is short: most headers of records are the same as those before. */
export const textSerializers: typeof stringSerializers = {
  ...stringSerializers,
  headerKey: keptSerializer,
  headerValue: keptSerializer,
};

function keptSerializer(text?: string): Buffer | undefined {
  if (text === undefined || text.length > LENGTH_MAX) {
    return stringSerializers.headerValue(text);
  }
  const known = kept.get(text);
  if (known !== undefined) {
    return known;
  }
  const bytes = Buffer.from(text);
  if (kept.size < COUNT_MAX) {
    kept.set(text, bytes);
  }
  return bytes;
}
