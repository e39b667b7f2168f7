// What the pages use of Next.js and Expo. Their own types bring hundreds of packages.

declare const process: { env: Record<string, string | undefined> };

declare namespace JSX {
  interface Element {}
  interface IntrinsicElements {
    [name: string]: unknown;
  }
}

declare module "server-only" {}

declare module "next" {
  interface Rewrite {
    source: string;
    destination: string;
  }
  export interface NextConfig {
    rewrites?: () => Promise<{ beforeFiles: Rewrite[]; afterFiles: Rewrite[]; fallback: Rewrite[] }>;
  }
}

declare module "next/headers" {
  export function headers(): Promise<Headers>;
}

declare module "next/navigation" {
  export function redirect(path: string): never;
}

declare module "expo-secure-store" {
  export function getItem(key: string): string | null;
  export function setItem(key: string, value: string): void;
}

declare module "@better-auth/expo/client" {
  interface Options {
    scheme?: string;
    storagePrefix?: string;
    storage: {
      getItem: (key: string) => string | null;
      setItem: (key: string, value: string) => unknown;
    };
  }
  export function expoClient(options: Options): {
    id: "expo";
    getActions: () => { getCookie: () => string };
  };
}
