// Requests of the adapter beyond the Debug Adapter Protocol, with their types.

import type * as vscode from 'vscode';
import type { XenRequests } from '../debug-adapter/protocol.ts';

/** Rejects with the adapter's sentence. */
export async function ask<Name extends keyof XenRequests>(
  session: vscode.DebugSession,
  request: Name,
  args: XenRequests[Name]['arguments'],
): Promise<XenRequests[Name]['result']> {
  return await session.customRequest(request, args);
}
