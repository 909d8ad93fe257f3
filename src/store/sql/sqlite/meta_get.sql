SELECT step, now FROM meta
