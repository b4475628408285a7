// simple-hl7: what its documentation shows; a message of its own words, and one that leaves out MSH-7 to MSH-10.
import hl7 from "simple-hl7";

const given = JSON.parse(process.argv[2]);
const parser = new hl7.Parser();
const client = hl7.Server.createTcpClient({ host: "127.0.0.1", port: given.port, keepalive: true });
const send = (message) =>
  new Promise((resolve, reject) =>
    client.send(message, (error, ack) => (error ? reject(error) : resolve(ack.log().replaceAll("\n", "\r")))),
  );
const answers = [];
for (const text of given.messages) answers.push(await send(parser.parse(text)));
const short = new hl7.Message("WARD", "HOSPITAL");
short.addSegment("PID", "1");
const incomplete = await send(short);
client.close();
console.log(JSON.stringify({ answers, incomplete }));
process.exit(0);
