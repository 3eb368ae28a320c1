import { Controller, Injectable, type PipeTransform } from '@nestjs/common';
import { Ctx, EventPattern, MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { currentTransaction, RefusedError } from '@atone/participant';
import { concat, defer, EMPTY, map, of, type Observable } from 'rxjs';
import { callStock } from './led.fixture.js';

@Injectable()
class Upper implements PipeTransform<string, string> {
  transform(text: string): string {
    return text.toUpperCase();
  }
}

/** A service that takes messages, and calls `stock` for some of them. */
@Controller()
export class Desk {
  private readonly doors: string[] = [];

  @MessagePattern('reserve')
  async reserve({ sku }: { readonly sku: string }): Promise<string> {
    await callStock();
    return `${sku} reserved`;
  }

  @MessagePattern({ cmd: 'shout' })
  async shout(@Payload(Upper) text: string): Promise<string> {
    await callStock();
    return text;
  }

  @MessagePattern('count')
  count(to: number): Observable<number> {
    const numbers = of(...Array.from({ length: to }, (_, position) => position + 1));
    return concat(numbers, defer(() => callStock()).pipe(map(() => to + 1)));
  }

  @MessagePattern('none')
  none(): Observable<never> {
    return EMPTY;
  }

  @MessagePattern('fail')
  async fail(): Promise<never> {
    await callStock();
    throw new RpcException('out of order');
  }

  @MessagePattern('refuse')
  async refuse(): Promise<never> {
    await (currentTransaction() && callStock());
    throw new RefusedError('taken', { room: 7 });
  }

  @MessagePattern('renounce')
  async renounce(): Promise<string> {
    currentTransaction()?.setAbortOnly('no beds left');
    return 'reserved';
  }

  @MessagePattern('where')
  async where(): Promise<boolean> {
    return currentTransaction() !== undefined;
  }

  @EventPattern('opened')
  opened(door: string): void {
    this.doors.push(`${door} ${currentTransaction() === undefined ? 'outside' : 'inside'}`);
  }

  @MessagePattern('doors')
  openDoors(): readonly string[] {
    return this.doors.splice(0);
  }
}

/** A service that knows nothing of transactions: it answers what it was given. */
@Controller()
export class PlainDesk {
  @MessagePattern('reserve')
  reserve(
    @Payload() payload: unknown,
    @Ctx() context: { getHeaders?(): { get(name: string): string } },
  ): object {
    return { payload, ...versionOf(context) };
  }
}

function versionOf(context: { getHeaders?(): { get(name: string): string } }): object {
  const headers = context.getHeaders?.();
  return headers === undefined ? {} : { version: headers.get('x-version'), from: headers.get('x-from') };
}
