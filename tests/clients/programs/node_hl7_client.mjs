// node-hl7-client: messages of its own builder, with the version and the empty MSH-3 to MSH-6 that it falls back on.
import { Client, Message } from "node-hl7-client";

const given = JSON.parse(process.argv[2]);
const client = new Client({ host: "127.0.0.1" });
const answers = [];
for (const text of given.messages) {
  const answer = new Promise((resolve) => {
    const connection = client.createConnection({ port: given.port }, async (response) => {
      resolve(response.getMessage().toString());
      await connection.close();
    });
    connection.sendMessage(new Message({ text }));
  });
  answers.push(await answer);
}
console.log(JSON.stringify({ answers }));
process.exit(0);
