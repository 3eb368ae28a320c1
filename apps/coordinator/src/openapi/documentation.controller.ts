import { Controller, Get, Header } from '@nestjs/common';
import { ApiExcludeController, type OpenAPIObject } from '@nestjs/swagger';
import { ApiDescription } from './api.description.js';
import { documentPage } from './document.page.js';

/** The API described, for programs and for people. */
@ApiExcludeController()
@Controller()
export class DocumentationController {
  constructor(private readonly description: ApiDescription) {}

  @Get('openapi.json')
  json(): OpenAPIObject {
    return this.description.document;
  }

  @Get('docs')
  @Header('content-type', 'text/html; charset=utf-8')
  @Header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'")
  page(): string {
    return documentPage(this.description.document);
  }
}
