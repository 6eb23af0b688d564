using DCCL.Trainers.Torch;
using TorchSharp;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.MoMoDistill;

/// <summary>The divergence of a student's click probability from its teacher's.</summary>
internal static class DistillationLoss
{
    /// <summary>
    /// KL(p || q) = p log(p / q) + (1 - p) log((1 - p) / (1 - q)) of Bernoulli distributions, from logits, stable for any of them.
    /// </summary>
    /// <param name="teacher">The logits of p.</param>
    /// <param name="student">The logits of q, of the same shape.</param>
    /// <returns>Element by element.</returns>
    /// <remarks>Source: Yao et al., KDD 2021, equation 6.</remarks>
    public static Tensor KullbackLeibler(Tensor teacher, Tensor student)
    {
        // log q = logsigmoid(student) and log (1 - q) = logsigmoid(-student), likewise p; collecting terms leaves no difference of
        // large numbers: KL = p (teacher - student) + logsigmoid(-teacher) - logsigmoid(-student).
        return (torch.sigmoid(teacher) * (teacher - student))
            .Plus(torch.nn.functional.logsigmoid(teacher.neg()) - torch.nn.functional.logsigmoid(student.neg()));
    }
}
