"""Ends idle servers, as jupyterhub-idle-culler does; and itself with its hub, which starts another when it is back.

JupyterHub ends its services when it ends. When it is killed they stay, and nobody would end them.
"""

import os
import threading
import time

from jupyterhub_idle_culler import main


def end_with(hub: int) -> None:
    """Waits until this process has another parent."""
    while os.getppid() == hub:
        time.sleep(1)
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    main()
