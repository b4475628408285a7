// @medplum/hl7: sends and waits for the acknowledgement of each message.
import { Hl7Message } from "@medplum/core";
import { Hl7Client } from "@medplum/hl7";

const given = JSON.parse(process.argv[2]);
const client = new Hl7Client({ host: "127.0.0.1", port: given.port, keepAlive: true });
const answers = [];
for (const text of given.messages) answers.push((await client.sendAndWait(Hl7Message.parse(text))).toString());
await client.close();
console.log(JSON.stringify({ answers }));
