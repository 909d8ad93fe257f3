"""An agent's phone by PJSIP that hands its caller over: it registers, answers, calls [consult] from
its second line and, once that answers, joins the two (REFER with Replaces) and sees both its calls
end.

    RINGBACK_PASSWORD=... hands_over.py SERVER LOCAL USER CONSULT

Says a line for each step; exit status 0 if all went so, 1 with the reason otherwise.
"""

import os
import sys
import time

import pjsua2 as pj

STEP_MAX = 20.0
POLL_MS = 20


class Failed(Exception):
    pass


class Line(pj.Call):
    """A call of the phone; hears and says nothing."""

    def __init__(self, account, call_id=pj.PJSUA_INVALID_ID):
        super().__init__(account, call_id)
        self.up = self.gone = False
        self.reports = []
        self.ended_with = 0

    def onCallState(self, prm):
        info = self.getInfo()
        self.up = info.state == pj.PJSIP_INV_STATE_CONFIRMED
        self.gone = info.state == pj.PJSIP_INV_STATE_DISCONNECTED
        self.ended_with = info.lastStatusCode

    def onCallTransferStatus(self, prm):
        self.reports.append(prm.statusCode)


class Phone(pj.Account):
    """Answers the first call at once."""

    def __init__(self):
        super().__init__()
        self.registered = False
        self.incoming = None

    def onRegState(self, prm):
        self.registered = prm.code == 200

    def onIncomingCall(self, prm):
        self.incoming = Line(self, prm.callId)
        answer = pj.CallOpParam()
        answer.statusCode = 200
        self.incoming.answer(answer)


def wait(endpoint, what, done):
    until = time.monotonic() + STEP_MAX
    while not done():
        if time.monotonic() > until:
            raise Failed(f"{what}: not within {STEP_MAX:.0f} s")
        endpoint.libHandleEvents(POLL_MS)
    print(what, flush=True)


def start(local):
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    config = pj.EpConfig()
    config.uaConfig.threadCnt = 0
    config.uaConfig.mainThreadOnly = True
    config.logConfig.level = config.logConfig.consoleLevel = 1
    endpoint.libInit(config)
    endpoint.audDevManager().setNullDev()
    transport = pj.TransportConfig()
    transport.port, transport.boundAddress, transport.publicAddress = 5060, local, local
    endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
    endpoint.libStart()
    return endpoint


def register(server, local, user):
    config = pj.AccountConfig()
    config.idUri = f"sip:{user}@{server}"
    config.regConfig.registrarUri = f"sip:{server}"
    password = os.environ["RINGBACK_PASSWORD"]
    config.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", user, 0, password))
    media = config.mediaConfig.transportConfig
    media.boundAddress = media.publicAddress = local
    phone = Phone()
    phone.create(config)
    return phone


def hand_over(endpoint, phone, server, consult):
    wait(endpoint, "registered", lambda: phone.registered)
    wait(endpoint, "talking", lambda: phone.incoming is not None and phone.incoming.up)
    second = Line(phone)
    second.makeCall(f"sip:{consult}@{server}", pj.CallOpParam(True))
    wait(endpoint, "consulting", lambda: second.up or second.gone)
    if second.gone:
        raise Failed(f"the consultation ended with {second.ended_with}")
    first = phone.incoming
    first.xferReplaces(second, pj.CallOpParam(True))
    wait(endpoint, "told the end", lambda: any(status >= 200 for status in first.reports))
    if first.reports[-1] != 200:
        raise Failed(f"the transfer was told as {first.reports}")
    wait(endpoint, "handed over", lambda: first.gone and second.gone)


def main():
    server, local, user, consult = sys.argv[1:]
    endpoint = start(local)
    phone = register(server, local, user)
    try:
        hand_over(endpoint, phone, server, consult)
        return 0
    except Failed as why:
        print(f"failed: {why}", flush=True)
        return 1
    finally:
        # PJSIP forgets its calls, so that their objects must be gone before.
        phone.incoming = None
        endpoint.libDestroy()


if __name__ == "__main__":
    sys.exit(main())
