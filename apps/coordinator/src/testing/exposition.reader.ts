/** One value of a metric. */
interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric with its values. */
export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

const TITLE = /^# HELP (?<name>\S+) (?<help>.+)\n# TYPE \k<name> (?<type>counter|gauge|histogram|summary)$/u;

const SAMPLE = /^(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?<labels>.*)\})? (?<value>\S+)$/u;
const LABEL = /(?<name>[a-zA-Z_][a-zA-Z0-9_]*)="(?<value>(?:[^"\\\n]|\\["\\n])*)"(?:,|$)/uy;

/**
 * Reads the text format of Prometheus, more strictly than Prometheus does.
 *
 * @throws Error for a line that is none, a metric without help or type, twice the same series, and a histogram that does not add up.
 */
export function readExposition(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith('\n')) {
    throw new Error('The text does not end with a line.');
  }
  const families = text
    .trimEnd()
    .split(/\n(?=# HELP )/u)
    .map((block) => readFamily(block.trimEnd().split('\n')));
  const byName = new Map(families.map((family) => [family.name, family]));
  if (byName.size !== families.length) {
    throw new Error('A metric is told twice.');
  }
  return byName;
}

/** Returns the values of a metric by its labels, these as `name=value` in the order of their names. */
export function valuesOf(family: Family | undefined): Readonly<Record<string, number>> {
  return Object.fromEntries((family?.samples ?? []).map((sample) => [seriesOf(sample), sample.value]));
}

function readFamily([helpLine = '', typeLine = '', ...lines]: readonly string[]): Family {
  const { name, type, help } = readTitle(`${helpLine}\n${typeLine}`);
  const samples = lines.map(readSample);
  const series = samples.map((sample) => `${sample.name} ${seriesOf(sample)}`);
  if (new Set(series).size !== series.length || !samples.every((sample) => isOf(name, type, sample))) {
    throw new Error(`The values of ${name} are not each its own: ${series.join('; ')}`);
  }
  if (type === 'histogram') {
    checkHistogram(name, samples);
  }
  return { name, type, help, samples };
}

function readTitle(lines: string): Omit<Family, 'samples'> {
  const { name, type, help } = TITLE.exec(lines)?.groups ?? {};
  if (name === undefined || type === undefined || help === undefined) {
    throw new Error(`No metric begins with: ${lines}`);
  }
  return { name, type, help };
}

function readSample(line: string): Sample {
  const { name = '', labels = '', value = '' } = SAMPLE.exec(line)?.groups ?? {};
  const number = value === '+Inf' ? Infinity : Number(value);
  const isNumber = !Number.isNaN(number) || value.toLowerCase() === 'nan';
  if (name === '' || value === '' || !isNumber) {
    throw new Error(`This is no value: ${line}`);
  }
  return { name, labels: readLabels(labels), value: number };
}

function readLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (LABEL.lastIndex = 0; LABEL.lastIndex < text.length;) {
    const { name, value } = LABEL.exec(text)?.groups ?? {};
    if (name === undefined || value === undefined || name in labels) {
      throw new Error(`These are no labels: ${text}`);
    }
    labels[name] = value;
  }
  return labels;
}

function isOf(family: string, type: string, { name }: Sample): boolean {
  return type === 'histogram'
    ? [`${family}_bucket`, `${family}_sum`, `${family}_count`].includes(name)
    : name === family || (type === 'summary' && name.startsWith(family));
}

/** Buckets hold what the smaller ones hold, and the largest holds everything. */
function checkHistogram(family: string, samples: readonly Sample[]): void {
  for (const { labels, value } of samples.filter(({ name }) => name === `${family}_count`)) {
    const buckets = samples.filter(
      (sample) => sample.name === `${family}_bucket` && seriesOf(sample, 'le') === seriesOf({ labels }),
    );
    const isRising = buckets.every((bucket, at) => bucket.value >= (buckets[at - 1]?.value ?? 0));
    if (!isRising || buckets.at(-1)?.labels['le'] !== '+Inf' || buckets.at(-1)?.value !== value) {
      throw new Error(`The histogram ${family} does not add up.`);
    }
  }
}

function seriesOf({ labels }: Pick<Sample, 'labels'>, without?: string): string {
  return Object.entries(labels)
    .filter(([name]) => name !== without)
    .map(([name, value]) => `${name}=${value}`)
    .toSorted()
    .join(' ');
}
