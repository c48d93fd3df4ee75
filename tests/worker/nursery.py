"""A process that has the libraries imported and forks workers from itself, so that a worker starts at once.

Reads one JSON object a line from stdin and answers each with one on stdout:
    {"toy": "text", "at": DIR}                       build a toy model
    {"job": URI, "home": DIR, "log": FILE}           fork a worker; answers {"pid": …}
    {"poll": PID}, {"wait": PID}                     answers {"code": …}, null while it runs
"""

import json
import os
import sys
from pathlib import Path


def answer(command):
    if "toy" in command:
        from galley.engines import toys

        return {"at": str(getattr(toys, f"build_{command['toy']}")(Path(command["at"])))}
    if "job" in command:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                log = os.open(command["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
                os.dup2(log, 2)
                os.environ["GALLEY_HOME"] = command["home"]
                from galley.worker.__main__ import main

                code = main(["generate", "--job", command["job"]])
            finally:
                os._exit(code)
        return {"pid": pid}
    pid = command.get("poll") or command["wait"]
    found, status = os.waitpid(pid, os.WNOHANG if "poll" in command else 0)
    return {"code": os.waitstatus_to_exitcode(status) if found else None}


def serve():
    from galley.worker.__main__ import pin_threads, quiet_libraries

    quiet_libraries()
    pin_threads(1)
    import torch

    torch.set_num_threads(1)
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), file=replies, flush=True)


if __name__ == "__main__":
    serve()
