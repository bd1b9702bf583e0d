import { testHook } from "./hook.ts";

testHook("7.3");
