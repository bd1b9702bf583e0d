import { testHook } from "./hook.ts";

testHook("6.1");
