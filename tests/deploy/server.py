"""An SSH server on the loopback interface whose host stands in for a board. Needs asyncssh; run by test_deploy.py.

python server.py HOME KEYS      prints the port; environment: what the board's shells have
"""

import asyncio
import os
import sys
from pathlib import Path

import asyncssh

HOME, KEYS = sys.argv[1:3]


async def run(process: "asyncssh.SSHServerProcess[bytes]") -> None:
    made = await asyncio.create_subprocess_shell(
        process.command or "sh", cwd=HOME, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    await process.redirect(stdin=made.stdin, stdout=made.stdout)
    code = await made.wait()
    await process.stdout.drain()
    process.exit(code)


class Files(asyncssh.SFTPServer):
    """Ends its sessions as OpenSSH's server does, with exit status 0: scp asks for one."""

    def __init__(self, channel: "asyncssh.SSHServerChannel[bytes]") -> None:
        super().__init__(channel)
        self.session = channel

    def exit(self) -> None:
        self.session.exit(0)


async def main() -> None:
    os.chdir(HOME)  # where relative paths of scp begin
    key = asyncssh.generate_private_key("ssh-ed25519")
    client = asyncssh.generate_private_key("ssh-ed25519")
    client.write_private_key(f"{KEYS}/client")
    Path(f"{KEYS}/client").chmod(0o600)
    client.write_public_key(f"{KEYS}/client.pub")
    server = await asyncssh.listen(
        "127.0.0.1", 0, server_host_keys=[key], authorized_client_keys=f"{KEYS}/client.pub", process_factory=run,
        sftp_factory=Files, allow_scp=True, encoding=None,
    )  # fmt: skip
    port = server.get_port()
    Path(f"{KEYS}/known_hosts").write_bytes(f"[127.0.0.1]:{port} ".encode() + key.export_public_key())
    print(port, flush=True)
    await server.wait_closed()


asyncio.run(main())
