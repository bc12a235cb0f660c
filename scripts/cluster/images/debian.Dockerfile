# What debootstrap made, as the base that the other ones stand on. Slim: documentation of later packages stays out, too.
FROM scratch
ADD rootfs.tar /
COPY slim /etc/dpkg/dpkg.cfg.d/slim
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
CMD ["bash"]
