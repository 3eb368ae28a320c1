import { Injectable } from '@nestjs/common';
import type { OpenAPIObject } from '@nestjs/swagger';

/** The description of the API, made when it is first asked for. */
@Injectable()
export class ApiDescription {
  private made: OpenAPIObject | undefined;
  private make: (() => OpenAPIObject) | undefined;

  /** Says how the description is made, which takes the whole application. */
  describeBy(make: () => OpenAPIObject): void {
    this.make = make;
  }

  get document(): OpenAPIObject {
    if (this.make === undefined) {
      throw new Error('Nobody has said how the API is described.');
    }
    this.made ??= this.make();
    return this.made;
  }
}
