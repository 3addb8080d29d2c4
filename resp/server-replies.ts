// Replies as a server sends them: what a control socket answers.

export function okReply(): string {
  return '+OK\r\n';
}

export function pongReply(): string {
  return '+PONG\r\n';
}

export function bulkReply(text: string): string {
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
}

export function listReply(texts: readonly string[]): string {
  return `*${texts.length}\r\n${texts.map(bulkReply).join('')}`;
}

/** @param text one that begins with its code: `ERR …` */
export function errorReply(text: string): string {
  return `-${text.replaceAll(/[\r\n]+/g, ' ')}\r\n`;
}
