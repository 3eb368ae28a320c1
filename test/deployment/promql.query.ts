import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';

/** A value that a scrape has brought. Where a query takes a rate, it is what was counted in that time. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What a query asks of one metric: `atone_replies_total{outcome="unknown"}`. */
export interface Selector {
  readonly metric: string;
  readonly matchers: readonly Matcher[];
}

interface Matcher {
  readonly label: string;
  readonly operator: string;
  readonly value: string;
}

type Value = number | readonly Sample[];

const COMPARISONS = new Set(['==', '!=', '>', '<', '>=', '<=']);

/** A query of Prometheus, as far as Atone's dashboard and alerts use the language. */
export class PromQuery {
  private readonly text: string;
  private readonly root: SyntaxNode;

  /** Variables of Grafana stand for every instance, and for a minute. @throws Error where it is no query. */
  constructor(shown: string) {
    this.text = shown.replaceAll('$instance', '.*').replaceAll('$__rate_interval', '1m');
    this.root = parser.parse(this.text).topNode;
    if (this.nodes((node) => node.type.isError).length > 0 || this.root.firstChild === null) {
      throw new Error(`This is no query of Prometheus: ${shown}`);
    }
  }

  get selectors(): readonly Selector[] {
    return this.nodes(({ name }) => name === 'VectorSelector').map((node) => this.selectorOf(node));
  }

  /** The labels by which it groups. */
  get groupings(): readonly string[] {
    return this.nodes(({ name }) => name === 'GroupingLabels').flatMap((node) =>
      node.getChildren('LabelName').map((label) => this.textOf(label)),
    );
  }

  /** Returns what it finds among these samples. @throws Error for what is not evaluated here. */
  evaluate(samples: readonly Sample[]): readonly Sample[] {
    const value = this.valueOf(childrenOf(this.root)[0], samples);
    return typeof value === 'number' ? [{ name: '', labels: {}, value }] : value;
  }

  private valueOf(node: SyntaxNode = this.root, samples: readonly Sample[] = []): Value {
    switch (node.name) {
      case 'NumberDurationLiteral':
        return Number(this.textOf(node));
      case 'VectorSelector':
        return select(this.selectorOf(node), samples);
      case 'ParenExpr':
      case 'MatrixSelector':
        return this.valueOf(childrenOf(node)[0], samples);
      case 'FunctionCall':
        return this.called(node, samples);
      case 'AggregateExpr':
        return this.aggregated(node, samples);
      case 'BinaryExpr':
        return this.combined(node, samples);
      default:
        throw new Error(`A ${node.name} is not evaluated here: ${this.text}`);
    }
  }

  private called(node: SyntaxNode, samples: readonly Sample[]): Value {
    const [called, body] = childrenOf(node);
    const name = called === undefined ? '' : this.textOf(called);
    const argument = this.valueOf(body?.firstChild ?? undefined, samples);
    if (name === 'vector') {
      return [{ name: '', labels: {}, value: Number(argument) }];
    }
    const found = vectorOf(argument);
    if (name === 'absent') {
      return found.length > 0 ? [] : [{ name: '', labels: {}, value: 1 }];
    }
    if (name === 'rate' || name === 'increase') {
      return found.map((sample) => ({ ...sample, name: '' }));
    }
    throw new Error(`The function ${name} is not evaluated here: ${this.text}`);
  }

  private aggregated(node: SyntaxNode, samples: readonly Sample[]): readonly Sample[] {
    const kept = node
      .getChildren('AggregateModifier')
      .flatMap((modifier) => modifier.getChildren('GroupingLabels'))
      .flatMap((labels) => labels.getChildren('LabelName').map((label) => this.textOf(label)));
    const body = node.getChild('FunctionCallBody');
    const groups = new Map<string, Sample[]>();
    for (const sample of vectorOf(this.valueOf(body?.firstChild ?? undefined, samples))) {
      const labels = Object.fromEntries(kept.map((label) => [label, sample.labels[label] ?? '']));
      const key = keyOf({ labels });
      groups.set(key, [...(groups.get(key) ?? []), { name: '', labels, value: sample.value }]);
    }
    const operator = this.textOf(childrenOf(node)[0] ?? node);
    return [...groups.values()].map((group) => ({
      name: '',
      labels: group[0]?.labels ?? {},
      value: aggregate(
        operator,
        group.map(({ value }) => value),
      ),
    }));
  }

  private combined(node: SyntaxNode, samples: readonly Sample[]): Value {
    const [leftNode, operatorNode, rightNode] = childrenOf(node);
    const operator = operatorNode === undefined ? '' : this.textOf(operatorNode);
    const left = this.valueOf(leftNode, samples);
    const right = this.valueOf(rightNode, samples);
    if (operator === 'or') {
      const known = new Set(vectorOf(left).map(keyOf));
      return [...vectorOf(left), ...vectorOf(right).filter((sample) => !known.has(keyOf(sample)))];
    }
    if (typeof left === 'number' && typeof right === 'number') {
      return calculate(operator, left, right);
    }
    return pairsOf(left, right).flatMap(([sample, one, other]) => {
      const value = calculate(operator, one, other);
      // A comparison keeps what it is true of, as it was.
      return COMPARISONS.has(operator) ? (value === 1 ? [sample] : []) : [{ ...sample, name: '', value }];
    });
  }

  private selectorOf(node: SyntaxNode): Selector {
    const matchers = node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? [];
    return {
      metric: this.textOf(node.getChild('Identifier') ?? node),
      matchers: matchers.map((matcher) => {
        const [label = '', operator = '', quoted = ''] = childrenOf(matcher).map((part) => this.textOf(part));
        return { label, operator, value: quoted.slice(1, -1) };
      }),
    };
  }

  private textOf({ from, to }: SyntaxNode): string {
    return this.text.slice(from, to);
  }

  private nodes(isWanted: (node: SyntaxNode) => boolean): readonly SyntaxNode[] {
    const found: SyntaxNode[] = [];
    this.root.cursor().iterate(({ node }) => {
      if (isWanted(node)) {
        found.push(node);
      }
    });
    return found;
  }
}

function select({ metric, matchers }: Selector, samples: readonly Sample[]): readonly Sample[] {
  return samples.filter(
    ({ name, labels }) =>
      name === metric && matchers.every((matcher) => matches(matcher, labels[matcher.label] ?? '')),
  );
}

function matches({ operator, value }: Matcher, found: string): boolean {
  switch (operator) {
    case '=':
      return found === value;
    case '=~':
      return new RegExp(`^(?:${value})$`, 'u').test(found);
    default:
      throw new Error(`The matcher ${operator} is not evaluated here.`);
  }
}

function aggregate(operator: string, values: readonly number[]): number {
  switch (operator) {
    case 'sum':
      return values.reduce((sum, value) => sum + value, 0);
    case 'max':
      return Math.max(...values);
    case 'min':
      return Math.min(...values);
    default:
      throw new Error(`The operator ${operator} is not evaluated here.`);
  }
}

const CALCULATIONS: Readonly<Record<string, (left: number, right: number) => number>> = {
  '+': (left, right) => left + right,
  '*': (left, right) => left * right,
  '/': (left, right) => left / right,
  '>': (left, right) => Number(left > right),
  '==': (left, right) => Number(left === right),
};

function calculate(operator: string, left: number, right: number): number {
  const calculation = CALCULATIONS[operator];
  if (calculation === undefined) {
    throw new Error(`The operator ${operator} is not evaluated here.`);
  }
  return calculation(left, right);
}

/** Returns which values meet: those with equal labels on both sides, or each with the number on the other side. */
function pairsOf(left: Value, right: Value): readonly (readonly [Sample, number, number])[] {
  if (typeof left === 'number') {
    return vectorOf(right).map((sample) => [sample, left, sample.value] as const);
  }
  if (typeof right === 'number') {
    return left.map((sample) => [sample, sample.value, right] as const);
  }
  const others = new Map(right.map((sample) => [keyOf(sample), sample.value]));
  return left.flatMap((sample) => {
    const other = others.get(keyOf(sample));
    return other === undefined ? [] : [[sample, sample.value, other] as const];
  });
}

function vectorOf(value: Value): readonly Sample[] {
  if (typeof value === 'number') {
    throw new TypeError('A number stands where only samples may.');
  }
  return value;
}

function keyOf({ labels }: Pick<Sample, 'labels'>): string {
  return JSON.stringify(Object.entries(labels).toSorted(([left], [right]) => (left < right ? -1 : 1)));
}

function childrenOf(node: SyntaxNode): readonly SyntaxNode[] {
  const found: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) {
    found.push(child);
  }
  return found;
}
